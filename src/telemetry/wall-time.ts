const SECONDS_PER_DAY = 86_400;

let cachedSecond = Number.NaN;
let cachedText = '';

/**
 * Milliseconds since 1970 as `2023-11-14T22:13:20.123Z`. The date is worked out once per second, for logs are written
 * often.
 */
export function wallTimeText(wallMs: number): string {
  const ms = Math.floor(wallMs);
  const second = Math.floor(ms / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = secondText(second);
  }
  return `${cachedText}.${padded(ms - second * 1000, 3)}Z`;
}

function secondText(second: number): string {
  const days = Math.floor(second / SECONDS_PER_DAY);
  const rest = second - days * SECONDS_PER_DAY;
  const time = `${padded(Math.floor(rest / 3600), 2)}:${padded(Math.floor(rest / 60) % 60, 2)}:${padded(rest % 60, 2)}`;
  return `${dateText(days)}T${time}`;
}

/**
 * Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of its year, and repeat
 * every 400 years.
 */
function dateText(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
