//! Exact decimals as scaled 256-bit integers: parsing, text, rounding, arithmetic.

use arrow::datatypes::i256;

/// Digits a decimal can hold inside an expression.
pub(crate) const DIGITS_MAX: usize = 76;

/// Ten to the power of `n`, or `None` beyond what fits.
pub(crate) fn power_of_ten(n: usize) -> Option<i256> {
    if n <= 38 {
        return 10i128.checked_pow(n as u32).map(i256::from_i128);
    }
    i256::from_i128(10).checked_pow(u32::try_from(n).ok()?)
}

/// Why text is not a decimal of the wanted scale.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    NotANumber,
    /// `NaN`, `Infinity`, `-Infinity`.
    Special,
    TooLarge,
    /// More decimal places than the scale, and no rounding was allowed.
    TooPrecise,
}

/// The scaled integer of decimal text. With `round`, further decimal places are rounded half away from
/// zero; without, they must be zeros.
pub(crate) fn parse(text: &str, scale: usize, round: bool) -> Result<i256, Unfit> {
    if let Some(v) = parse_plain(text, scale) {
        return Ok(v);
    }
    let text = syncline_core::text::parse_numeric(text).ok_or(Unfit::NotANumber)?;
    if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") {
        return Err(Unfit::Special);
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let (kept, dropped) = fraction.split_at(fraction.len().min(scale));
    if !round && dropped.bytes().any(|b| b != b'0') {
        return Err(Unfit::TooPrecise);
    }
    let digits = format!("{whole}{kept:0<scale$}");
    let digits = digits.trim_start_matches('0');
    if digits.len() > DIGITS_MAX {
        return Err(Unfit::TooLarge);
    }
    let magnitude =
        if digits.is_empty() { i256::ZERO } else { i256::from_string(digits).ok_or(Unfit::TooLarge)? };
    let up = dropped.as_bytes().first().is_some_and(|b| *b >= b'5');
    let magnitude = if up { magnitude.wrapping_add(i256::ONE) } else { magnitude };
    let value = if negative { magnitude.wrapping_neg() } else { magnitude };
    bounded(value).ok_or(Unfit::TooLarge)
}

/// The usual case without allocation: a sign, digits, at most `scale` decimals, all within 128 bits.
fn parse_plain(text: &str, scale: usize) -> Option<i256> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if whole.is_empty() || fraction.len() > scale || whole.len() + scale > 38 {
        return None;
    }
    let mut value = 0i128;
    for b in whole.bytes().chain(fraction.bytes()) {
        if !b.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(b - b'0');
    }
    value *= 10i128.pow((scale - fraction.len()) as u32);
    Some(i256::from_i128(if negative { -value } else { value }))
}

/// Decimal text; with `trim`, without zeros at the end of the fraction.
pub(crate) fn render(value: i256, scale: usize, trim: bool) -> String {
    let text = match value.to_i128() {
        Some(v) => v.to_string(),
        None => value.to_string(),
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let fraction = if trim { fraction.trim_end_matches('0') } else { fraction };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `value` if it has at most [`DIGITS_MAX`] digits.
pub(crate) fn bounded(value: i256) -> Option<i256> {
    if value.to_i128().is_some() {
        return Some(value);
    }
    let limit = power_of_ten(DIGITS_MAX)?;
    (value < limit && value > limit.wrapping_neg()).then_some(value)
}

/// `value` if it has at most `digits` digits.
pub(crate) fn within(value: i256, digits: usize) -> Option<i256> {
    if digits >= DIGITS_MAX {
        return bounded(value);
    }
    let limit = power_of_ten(digits)?;
    (value < limit && value > limit.wrapping_neg()).then_some(value)
}

/// Brings a scaled integer to another scale, rounding half away from zero.
pub(crate) fn rescale(value: i256, from: usize, to: usize) -> Option<i256> {
    if from <= to {
        return multiply(value, power_of_ten(to - from)?);
    }
    divide_rounded(value, power_of_ten(from - to)?)
}

pub(crate) fn multiply(a: i256, b: i256) -> Option<i256> {
    if let (Some(x), Some(y)) = (a.to_i128(), b.to_i128())
        && let Some(product) = x.checked_mul(y)
    {
        return Some(i256::from_i128(product));
    }
    a.checked_mul(b).and_then(bounded)
}

/// The quotient rounded half away from zero; `None` for a zero divisor.
pub(crate) fn divide_rounded(a: i256, b: i256) -> Option<i256> {
    let quotient = a.checked_div(b)?;
    let remainder = a.checked_rem(b)?;
    // |remainder| < |b| < 2^255 / 2, so doubling cannot overflow for bounded values.
    let doubled = remainder.wrapping_abs().checked_mul(i256::from_i128(2))?;
    if doubled < b.wrapping_abs() {
        return Some(quotient);
    }
    let negative = a.is_negative() != b.is_negative();
    if negative { quotient.checked_sub(i256::ONE) } else { quotient.checked_add(i256::ONE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_exact_both_ways() {
        for (text, scale, trim, shown) in [
            ("12.5", 2, false, "12.50"),
            ("12.50", 20, true, "12.5"),
            ("-0.05", 2, false, "-0.05"),
            ("0", 0, false, "0"),
            ("-7", 3, true, "-7"),
            (
                "99999999999999999999999999999999999999999999999999999999.00000000000000000001",
                20,
                true,
                "99999999999999999999999999999999999999999999999999999999.00000000000000000001",
            ),
        ] {
            assert_eq!(render(parse(text, scale, false).unwrap(), scale, trim), shown);
        }
    }

    #[test]
    fn what_does_not_fit_is_told_apart() {
        assert_eq!(parse("NaN", 2, true), Err(Unfit::Special));
        assert_eq!(parse("1.005", 2, false), Err(Unfit::TooPrecise));
        assert_eq!(parse("x", 2, true), Err(Unfit::NotANumber));
        assert_eq!(parse(&"9".repeat(77), 0, true), Err(Unfit::TooLarge));
    }

    #[test]
    fn rounding_goes_half_away_from_zero() {
        for (text, shown) in [("1.005", "1.01"), ("-1.005", "-1.01"), ("1.0049", "1.00"), ("9.995", "10.00")]
        {
            assert_eq!(render(parse(text, 2, true).unwrap(), 2, false), shown);
            let fine = parse(text, 6, false).unwrap();
            assert_eq!(render(rescale(fine, 6, 2).unwrap(), 2, false), shown);
        }
    }
}
