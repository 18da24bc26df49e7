/** Applies the host's theme to the page. */

import type { McpUiHostContext } from "@modelcontextprotocol/ext-apps";

const VARIABLE = /^--(color|font|border|shadow)-[a-z0-9-]+$/;

export function dress(context: McpUiHostContext): void {
  const { style, dataset } = document.documentElement;
  if (context.theme) style.colorScheme = context.theme;
  if (context.theme) dataset["theme"] = context.theme;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
    if (VARIABLE.test(name) && value) style.setProperty(name, value);
  }
  const { top = 0, right = 0, bottom = 0, left = 0 } = context.safeAreaInsets ?? {};
  document.body.style.padding = [top, right, bottom, left].map((inset) => `${inset}px`).join(" ");
}

/** Whether the host gives the page its whole window, rather than a growing place in a chat. */
export function fillsHost({ displayMode, containerDimensions }: McpUiHostContext): boolean {
  return displayMode === "fullscreen" || (containerDimensions !== undefined && "height" in containerDimensions);
}
