/** Icons as lines on a grid of 16. */

const PATHS = {
  ok: "M3.5 8.5l3 3 6-7",
  failed: "M4 4l8 8M12 4l-8 8",
  info: "M8 7.2v4M8 4.6v.1M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z",
  back: "M9.5 3.5L5 8l4.5 4.5",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  more: "M4 6l4 4 4-4",
  model: "M8 1.8l1.6 4.6 4.6 1.6-4.6 1.6L8 14.2 6.4 9.6 1.8 8l4.6-1.6z",
  tool: "M10.5 2a3.5 3.5 0 0 0-3.3 4.7L2 11.9 4.1 14l5.2-5.2A3.5 3.5 0 0 0 13.8 4.4L11.6 6.6 9.4 6.6 9.4 4.4l2.2-2.2A3.5 3.5 0 0 0 10.5 2z",
  loop: "M3 8a5 5 0 0 1 8.5-3.5L13 6M13 2.5V6H9.5M13 8a5 5 0 0 1-8.5 3.5L3 10M3 13.5V10h3.5",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5L13 6M13 2.5V6H9.5",
  up: "M4.5 7v6.5h-2V7zM4.5 7.5l3-5.5c1.2 0 1.8.9 1.5 2L8.500 6.500h4c.9 0 1.4.8 1.1 1.600l-1.400 4.400c-.2.6-.6 1-1.300 1h-6.400",
  down: "M4.5 9V2.500h-2V9zM4.5 8.500l3 5.500c1.200 0 1.800-.9 1.500-2l-.5-2.500h4c.9 0 1.400-.8 1.100-1.600l-1.400-4.400c-.2-.6-.6-1-1.300-1h-6.400",
  ask: "M2.500 3h11v8h-6l-3 2.500V11h-2z",
  expand: "M9.500 2.500h4v4M13.500 2.500l-5 5M6.500 13.500h-4v-4M2.500 13.500l5-5",
  search: "M7 11.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM10.300 10.300l3.200 3.200",
  compare: "M5.500 2.500v11M5.500 13.500l-3-3M5.500 13.500l3-3M10.500 13.500v-11M10.500 2.500l-3 3M10.500 2.500l3 3",
  run: "M2.500 3.500h6M5.500 8h6M8.500 12.500h5",
  cache: "M8.500 1.500L3.500 9h4l-.5 5.500 5-7.500h-4z",
} as const;

export type IconName = keyof typeof PATHS;

/** Screen readers skip an icon without a label. */
export function Icon({ name, label }: { name: IconName; label?: string }) {
  return (
    <svg class="icon" data-icon={name} viewBox="0 0 16 16" role={label ? "img" : undefined} aria-label={label} aria-hidden={label ? undefined : "true"}>
      <path d={PATHS[name]} />
    </svg>
  );
}
