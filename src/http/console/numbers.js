// Numbers as both English and Chinese write them: 1,234.5.
//
// By hand, because the first format that a browser makes takes longer than the rest of a view.

/** Digits and the power of ten of the last of them, of a value that is not negative, with at most
 * so many digits in all (`significant`) or behind the point (`fraction`). It is the number as it
 * is written that is rounded, not its binary form, and halves are rounded up. */
function rounded(value, { significant, fraction = 0, shift = 0 }) {
  const [written, exponent] = value.toExponential().split("e");
  const digits = written.replace(".", "");
  // How many digits stand before the point; none or fewer where the value is below 0.1.
  const before = Number(exponent) + 1 + shift;
  const kept = significant ?? before + fraction;
  if (kept >= digits.length) return { digits, power: before - digits.length };
  if (kept < 0) return { digits: "0", power: 0 };
  const up = digits[kept] >= "5" ? 1n : 0n;
  return { digits: String(BigInt(digits.slice(0, kept)) + up), power: before - kept };
}

/** Digits before and behind the point. */
function apart({ digits, power }) {
  if (power >= 0) return [digits + "0".repeat(power), ""];
  const whole = digits.padStart(1 - power, "0");
  return [whole.slice(0, power), whole.slice(power).replace(/0+$/, "")];
}

/**
 * A number with at most `significant` digits, or with at most `fraction` behind the point and at
 * least `least`, times ten to the power of `shift`. `sign` puts a plus before what is above zero.
 * Groups of three begin with `grouped` digits.
 */
export function written(value, options = {}) {
  const { least = 0, sign = false, grouped = 4 } = options;
  if (Number.isNaN(value)) return "\u2013";
  const isFinite = Number.isFinite(value);
  const [whole, behind] = isFinite ? apart(rounded(Math.abs(value), options)) : ["\u221e", ""];
  const before = whole.replace(/^0+(?=\d)/, "");
  const groups = before.length < grouped ? before : before.replace(/\B(?=(\d{3})+$)/g, ",");
  const part = behind.padEnd(isFinite ? least : 0, "0");
  // What is rounded to nothing has no sign.
  const isNothing = !/[^0]/.test(whole + behind);
  const mark = isNothing ? "" : value < 0 ? "-" : sign ? "+" : "";
  return mark + groups + (part ? `.${part}` : "");
}

/** A long number in three digits and a word for a power of ten; `powers` are `[power, word]`, the
 * largest first. */
export function shortened(value, powers) {
  const { digits, power } = rounded(Math.abs(value), { significant: 3 });
  const length = digits.length + power;
  const [step, word] = powers.find(([least]) => least < length) ?? [0, ""];
  return written(value, { significant: 3, shift: -step, grouped: 5 }) + word;
}
