//! The binary form of `numeric` as exact decimal text.
//!
//! Format: `numeric_send` in PostgreSQL's numeric.c. Four 16-bit numbers (count of digits, weight,
//! sign, display scale), then that many base-10,000 digits; digit `i` counts 10,000^(weight - i).

use super::framing::Malformed;

/// The signs.
pub const POSITIVE: u16 = 0;
pub const NEGATIVE: u16 = 0x4000;
pub const NAN: u16 = 0xC000;
pub const INFINITY: u16 = 0xD000;
pub const NEGATIVE_INFINITY: u16 = 0xF000;
/// `NUMERIC_DSCALE_MASK`: most digits after the point.
const SCALE_MAX: u16 = 0x3FFF;

/// Appends the text of a value, with as many decimals as the value carries (`1.50` stays `1.50`).
/// When it fails, `out` may have been appended to.
pub fn append_text(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some((header, digits)) = bytes.split_first_chunk::<8>() else {
        return Err(Malformed(format!("a numeric has {} bytes", bytes.len())));
    };
    let word = |i: usize| u16::from_be_bytes([header[i], header[i + 1]]);
    let (count, weight, sign, scale) = (usize::from(word(0)), i32::from(word(2) as i16), word(4), word(6));
    if digits.len() != count * 2 || scale > SCALE_MAX {
        return Err(Malformed("a numeric has the wrong length or scale".into()));
    }
    match sign {
        POSITIVE | NEGATIVE => {}
        NAN => return push_word(out, b"NaN"),
        INFINITY => return push_word(out, b"Infinity"),
        NEGATIVE_INFINITY => return push_word(out, b"-Infinity"),
        _ => return Err(Malformed(format!("a numeric has the sign {sign:#06x}"))),
    }
    if append_short(digits, weight, sign == NEGATIVE, scale, out) {
        return Ok(());
    }
    let digit = |i: i32| -> u16 {
        let at = usize::try_from(i).ok().filter(|i| *i < count);
        at.map_or(0, |i| u16::from_be_bytes([digits[i * 2], digits[i * 2 + 1]]))
    };
    let last = count as i32 - 1;
    if (0..=last).any(|i| digit(i) > 9_999) {
        return Err(Malformed("a numeric has a digit above 9999".into()));
    }

    if sign == NEGATIVE && (0..=last).any(|i| digit(i) != 0) {
        out.push(b'-');
    }
    let whole = out.len();
    for i in 0..=weight {
        let group = four(digit(i));
        if out.len() > whole {
            out.extend_from_slice(&group);
        } else if let Some(first) = group.iter().position(|d| *d != b'0') {
            out.extend_from_slice(&group[first..]);
        }
    }
    if out.len() == whole {
        out.push(b'0');
    }

    // The server rounds to the display scale; should a digit lie behind it all the same, it is part
    // of the value and kept.
    let point = out.len();
    out.push(b'.');
    let shown = point + 1 + usize::from(scale);
    let mut i = weight + 1;
    while out.len() < shown || i <= last {
        out.extend_from_slice(&four(digit(i)));
        i += 1;
    }
    while out.len() > shown && out.last() == Some(&b'0') {
        out.pop();
    }
    if out.len() == point + 1 {
        out.pop();
    }
    Ok(())
}

/// Most base-10,000 digits of a number that [`append_short`] looks at: with them it fits 64 bits.
const SHORT_DIGITS_MAX: usize = 4;
/// Most decimal ones, in front of the point and behind it.
const SHORT_DECIMALS_MAX: i32 = 19;

/// [`append_text`] for numbers of ordinary size, by way of one integer. False when it is no such
/// number; then nothing was appended.
#[inline]
fn append_short(digits: &[u8], weight: i32, is_negative: bool, scale: u16, out: &mut Vec<u8>) -> bool {
    let count = digits.len() / 2;
    let scale = i32::from(scale);
    if count > SHORT_DIGITS_MAX || 4 * (weight + 1).max(0) + scale > SHORT_DECIMALS_MAX {
        return false;
    }
    let mut value = 0u64;
    for pair in digits.chunks_exact(2) {
        let digit = u16::from_be_bytes([pair[0], pair[1]]);
        if digit > 9_999 {
            return false;
        }
        value = value * 10_000 + u64::from(digit);
    }
    // Decimals that the digits have, more or fewer than are shown.
    let decimals = 4 * (count as i32 - 1 - weight);
    let power = |exponent: i32| u32::try_from(exponent).ok().and_then(|e| 10u64.checked_pow(e));
    let shown = if decimals <= scale {
        power(scale - decimals).and_then(|power| value.checked_mul(power))
    } else {
        power(decimals - scale).filter(|power| value.is_multiple_of(*power)).map(|power| value / power)
    };
    let Some(mut rest) = shown.or((value == 0).then_some(0)) else { return false };

    // From the end: `text` is filled with zeros as far as they are needed.
    let mut text = [b'0'; 24];
    let mut start = text.len();
    while rest > 0 {
        start -= 1;
        text[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let point = text.len() - scale as usize;
    start = start.min(point - 1);
    if is_negative && value != 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&text[start..point]);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(&text[point..]);
    }
    true
}

fn push_word(out: &mut Vec<u8>, word: &[u8]) -> Result<(), Malformed> {
    out.extend_from_slice(word);
    Ok(())
}

/// A base-10,000 digit as four decimal ones.
fn four(digit: u16) -> [u8; 4] {
    let decimal = |divisor: u16| b'0' + (digit / divisor % 10) as u8;
    [decimal(1_000), decimal(100), decimal(10), decimal(1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(digits: &[u16], weight: i16, sign: u16, scale: u16) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [digits.len() as u16, weight as u16, sign, scale].iter().chain(digits) {
            out.extend(word.to_be_bytes());
        }
        out
    }

    #[test]
    fn values_become_exact_text() {
        for (bytes, expected) in [
            (wire(&[], 0, 0, 0), "0"),
            (wire(&[], 0, 0, 2), "0.00"),
            (wire(&[], 0, NEGATIVE, 2), "0.00"),
            (wire(&[1], 0, 0, 0), "1"),
            (wire(&[1], 1, 0, 0), "10000"),
            (wire(&[1, 5000], 0, NEGATIVE, 1), "-1.5"),
            (wire(&[1, 5000], 0, 0, 2), "1.50"),
            (wire(&[12, 3456, 7800], 1, 0, 2), "123456.78"),
            (wire(&[1], -1, 0, 4), "0.0001"),
            (wire(&[1000], -2, 0, 5), "0.00001"),
            (wire(&[1, 2345], 0, 0, 1), "1.2345"),
            (wire(&[], 0, NAN, 0), "NaN"),
            (wire(&[], 0, INFINITY, 0), "Infinity"),
            (wire(&[], 0, NEGATIVE_INFINITY, 0), "-Infinity"),
        ] {
            let mut out = Vec::new();
            append_text(&bytes, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn short_numbers_are_written_as_long_ones_are(
            digits in prop::collection::vec(prop_oneof![Just(0), 0u16..10_000, Just(9_999)], 0..6),
            weight in -4i16..5,
            is_negative in any::<bool>(),
            scale in 0u16..22,
        ) {
            let sign = if is_negative { NEGATIVE } else { POSITIVE };
            let bytes = wire(&digits, weight, sign, scale);
            let mut short = Vec::new();
            if append_short(&bytes[8..], weight.into(), is_negative, scale, &mut short) {
                // One more zero digit than the short way takes, which changes nothing.
                let mut digits = digits.clone();
                digits.resize(SHORT_DIGITS_MAX + 1, 0);
                let mut long = Vec::new();
                append_text(&wire(&digits, weight, sign, scale), &mut long).unwrap();
                prop_assert_eq!(String::from_utf8(short).unwrap(), String::from_utf8(long).unwrap());
            } else {
                prop_assert!(short.is_empty());
            }
        }
    }

    #[test]
    fn ordinary_numbers_go_the_short_way() {
        for (digits, weight, scale) in
            [(&[12u16, 3456, 7800][..], 1, 2), (&[1], 2, 0), (&[], 0, 2), (&[1], -1, 6)]
        {
            let bytes = wire(digits, weight, 0, scale);
            assert!(append_short(&bytes[8..], weight.into(), false, scale, &mut Vec::new()), "{digits:?}");
        }
    }

    #[test]
    fn damage_is_noticed() {
        let mut short = wire(&[1, 2], 0, 0, 0);
        short.pop();
        for bytes in
            [Vec::new(), short, wire(&[10_000], 0, 0, 0), wire(&[1], 0, 0x1234, 0), wire(&[1], 0, 0, 0x4000)]
        {
            assert!(append_text(&bytes, &mut Vec::new()).is_err());
        }
    }
}
