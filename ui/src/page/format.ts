/** Numbers and times as people read them, in the host's locale and the chosen zone. */

const UNITS: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

export class Format {
  /** Cached: creating one takes a hundred times as long as using it. */
  private readonly times = new Map<string, Intl.DateTimeFormat>();
  private readonly significant = new Map<number, Intl.NumberFormat>();
  private readonly whole: Intl.NumberFormat;
  private readonly cents: Intl.NumberFormat;

  constructor(
    private readonly locale: string,
    readonly zone: string,
  ) {
    this.whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.cents = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  }

  count(value: number): string {
    return this.whole.format(value);
  }

  /** Counts in a chart's margin or a narrow cell: 12.3k. */
  short(value: number): string {
    const [unit, letter] = UNITS.find(([held]) => Math.abs(value) >= held) ?? [1, ""];
    return `${this.digits(value / unit, 3)}${letter}`;
  }

  /** Dollars with enough digits to distinguish small costs. */
  dollars(value: number): string {
    if (value === 0) return "$0";
    return `$${Math.abs(value) >= 1 ? this.cents.format(value) : this.digits(value, 3)}`;
  }

  /** Dollars beside an axis, with no more digits than needed. */
  roughDollars(value: number): string {
    return `$${this.digits(value, 3)}`;
  }

  seconds(value: number): string {
    if (value === 0) return "0 ms";
    if (value < 1) return `${this.digits(value * 1000, value < 0.1 ? 2 : 3)} ms`;
    return value < 120 ? `${this.digits(value, 3)} s` : `${this.digits(value / 60, 3)} min`;
  }

  percent(share: number): string {
    return `${this.digits(share * 100, share >= 0.1 ? 3 : 2)} %`;
  }

  bytes(value: number): string {
    return value < 1000 ? `${value} bytes` : `${this.short(value)}B`.replace("kB", " KB").replace("MB", " MB").replace("GB", " GB");
  }

  /** 23:57:20, with the day if it isn't the given one. */
  clock(date: Date, day?: Date): string {
    const clock = this.part(date, "clock");
    return day && this.day(day) === this.day(date) ? clock : `${this.day(date).slice(5)} ${clock}`;
  }

  /** 23:57, with the day if it isn't the given one. */
  at(date: Date, day: Date): string {
    const minute = this.minute(date);
    return this.day(day) === this.day(date) ? minute : `${this.day(date).slice(5)} ${minute}`;
  }

  minute(date: Date): string {
    return this.part(date, "minute");
  }

  day(date: Date): string {
    return this.part(date, "day");
  }

  moment(date: Date): string {
    return `${this.day(date)} ${this.part(date, "clock")}`;
  }

  /** Returns how far local time was ahead of UTC at that time, in seconds. */
  offset(t: number): number {
    const date = new Date(t * 1000);
    return Math.round(Date.parse(`${this.day(date)}T${this.part(date, "clock")}Z`) / 1000 - t);
  }

  private digits(value: number, maximumSignificantDigits: number): string {
    let format = this.significant.get(maximumSignificantDigits);
    if (!format) {
      format = new Intl.NumberFormat(this.locale, { maximumSignificantDigits });
      this.significant.set(maximumSignificantDigits, format);
    }
    return format.format(value);
  }

  private part(date: Date, which: keyof typeof PARTS): string {
    if (Number.isNaN(date.getTime())) return "?";
    let format = this.times.get(which);
    if (!format) {
      format = new Intl.DateTimeFormat("sv-SE", { timeZone: this.zone, ...PARTS[which] });
      this.times.set(which, format);
    }
    return format.format(date);
  }
}

/** Swedish is ISO 8601: days and clocks read the same in every locale, and sort. */
const PARTS = {
  day: { year: "numeric", month: "2-digit", day: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  minute: { hour: "2-digit", minute: "2-digit" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Returns a value, or a dash if it is unknown. */
export function known<T>(value: T | null | undefined, told: (value: T) => string): string {
  return value === null || value === undefined ? "–" : told(value);
}
