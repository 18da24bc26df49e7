/** Fields with one action: a form without the element, as a sandboxed frame blocks submission. */

import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  class: string;
  testId: string;
  role?: "form" | "search";
  /** Called when Enter is pressed in a field. The button calls it itself. */
  submit(): void;
  children: ComponentChildren;
}

export function Entry({ label, class: name, testId, role = "form", submit, children }: Props) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    submit();
  };
  return (
    <div role={role} aria-label={label} class={name} onKeyDown={onKeyDown} data-testid={testId}>
      {children}
    </div>
  );
}
