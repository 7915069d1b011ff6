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
