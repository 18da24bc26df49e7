/** Fields with one thing to do: a form, but for the element, whose submission a sandboxed frame does not allow. */

import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  class: string;
  testId: string;
  role?: "form" | "search";
  /** Called when Enter is pressed in a field; the button that says what is done calls it by itself. */
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
