//! `phone(text, country)`: a telephone number in E.164 form (`+4930123456`), or NULL.
//!
//! Nothing is guessed. A number in international form needs a known calling code; any other number needs a
//! country. Calling codes, trunk prefixes and number lengths follow ITU-T E.164 and its national notices;
//! whether a number is assigned is not checked.

use arrow::array::{Array, ArrayRef, StringBuilder};
use std::sync::Arc;

use super::country::alpha_2;
use super::texts;
use crate::kernel::Kernel;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Phone;

/// E.164 allows 15 digits, calling code included.
const DIGITS_MAX: usize = 15;

impl Kernel for Phone {
    fn name(&self) -> &'static str {
        "phone"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let numbers = texts(&args[0])?;
        let countries = args.get(1).map(texts).transpose()?;
        let mut out = StringBuilder::new();
        for (row, number) in numbers.iter().enumerate() {
            let country = countries.filter(|c| c.is_valid(row)).map(|c| c.value(row));
            out.append_option(number.and_then(|number| e164(number, country)));
        }
        Ok(Arc::new(out.finish()))
    }
}

/// How numbers of a country are written: calling code, trunk prefix (dialled before the national number
/// inside the country, never abroad), and the least and most digits of a national number.
struct Plan {
    country: &'static str,
    code: &'static str,
    trunk: &'static str,
    digits: (usize, usize),
}

const fn plan(
    country: &'static str,
    code: &'static str,
    trunk: &'static str,
    min: usize,
    max: usize,
) -> Plan {
    Plan { country, code, trunk, digits: (min, max) }
}

/// The first plan of a calling code stands for all its countries when a number is international.
#[rustfmt::skip]
const PLANS: &[Plan] = &[
    plan("US", "1", "1", 10, 10), plan("CA", "1", "1", 10, 10), plan("PR", "1", "1", 10, 10),
    plan("DO", "1", "1", 10, 10), plan("JM", "1", "1", 10, 10), plan("BS", "1", "1", 10, 10),
    plan("BB", "1", "1", 10, 10), plan("TT", "1", "1", 10, 10),
    plan("RU", "7", "8", 10, 10), plan("KZ", "7", "8", 10, 10),
    plan("EG", "20", "0", 8, 10), plan("ZA", "27", "0", 9, 9), plan("GR", "30", "", 10, 10),
    plan("NL", "31", "0", 9, 9), plan("BE", "32", "0", 8, 9), plan("FR", "33", "0", 9, 9),
    plan("ES", "34", "", 9, 9), plan("HU", "36", "06", 8, 9), plan("IT", "39", "", 6, 11),
    plan("VA", "39", "", 6, 11), plan("RO", "40", "0", 9, 9), plan("CH", "41", "0", 9, 9),
    plan("AT", "43", "0", 4, 13), plan("GB", "44", "0", 9, 10), plan("GG", "44", "0", 9, 10),
    plan("JE", "44", "0", 9, 10), plan("IM", "44", "0", 9, 10), plan("DK", "45", "", 8, 8),
    plan("SE", "46", "0", 7, 10), plan("NO", "47", "", 8, 8), plan("PL", "48", "", 9, 9),
    plan("DE", "49", "0", 5, 13), plan("PE", "51", "0", 8, 9), plan("MX", "52", "", 10, 10),
    plan("CU", "53", "0", 6, 8), plan("AR", "54", "0", 10, 11), plan("BR", "55", "0", 10, 11),
    plan("CL", "56", "", 9, 9), plan("CO", "57", "", 10, 10), plan("VE", "58", "0", 10, 10),
    plan("MY", "60", "0", 8, 10), plan("AU", "61", "0", 9, 9), plan("ID", "62", "0", 8, 12),
    plan("PH", "63", "0", 8, 10), plan("NZ", "64", "0", 8, 10), plan("SG", "65", "", 8, 8),
    plan("TH", "66", "0", 8, 9), plan("JP", "81", "0", 9, 10), plan("KR", "82", "0", 8, 10),
    plan("VN", "84", "0", 9, 10), plan("CN", "86", "0", 9, 11), plan("TR", "90", "0", 10, 10),
    plan("IN", "91", "0", 10, 10), plan("PK", "92", "0", 9, 10), plan("AF", "93", "0", 9, 9),
    plan("LK", "94", "0", 9, 9), plan("MM", "95", "0", 7, 10), plan("IR", "98", "0", 10, 10),
    plan("MA", "212", "0", 9, 9), plan("DZ", "213", "0", 8, 9), plan("TN", "216", "", 8, 8),
    plan("LY", "218", "0", 8, 9), plan("SN", "221", "", 9, 9), plan("CI", "225", "", 10, 10),
    plan("MU", "230", "", 7, 8), plan("GH", "233", "0", 9, 9), plan("NG", "234", "0", 8, 10),
    plan("CM", "237", "", 9, 9), plan("AO", "244", "", 9, 9), plan("RW", "250", "0", 9, 9),
    plan("ET", "251", "0", 9, 9), plan("KE", "254", "0", 9, 9), plan("TZ", "255", "0", 9, 9),
    plan("UG", "256", "0", 9, 9), plan("MZ", "258", "", 8, 9), plan("ZM", "260", "0", 9, 9),
    plan("ZW", "263", "0", 8, 10), plan("NA", "264", "0", 8, 9), plan("BW", "267", "", 7, 8),
    plan("GI", "350", "", 8, 8), plan("PT", "351", "", 9, 9), plan("LU", "352", "", 5, 11),
    plan("IE", "353", "0", 7, 9), plan("IS", "354", "", 7, 9), plan("AL", "355", "0", 8, 9),
    plan("MT", "356", "", 8, 8), plan("CY", "357", "", 8, 8), plan("FI", "358", "0", 5, 12),
    plan("BG", "359", "0", 7, 9), plan("LT", "370", "0", 8, 8), plan("LV", "371", "", 8, 8),
    plan("EE", "372", "", 7, 8), plan("MD", "373", "0", 8, 8), plan("AM", "374", "0", 8, 8),
    plan("BY", "375", "80", 9, 9), plan("AD", "376", "", 6, 9), plan("MC", "377", "", 8, 9),
    plan("SM", "378", "", 6, 10), plan("UA", "380", "0", 9, 9), plan("RS", "381", "0", 8, 9),
    plan("ME", "382", "0", 8, 9), plan("HR", "385", "0", 8, 9), plan("SI", "386", "0", 8, 8),
    plan("BA", "387", "0", 8, 9), plan("MK", "389", "0", 8, 8), plan("CZ", "420", "", 9, 9),
    plan("SK", "421", "0", 9, 9), plan("LI", "423", "", 7, 9), plan("GT", "502", "", 8, 8),
    plan("SV", "503", "", 8, 8), plan("HN", "504", "", 8, 8), plan("NI", "505", "", 8, 8),
    plan("CR", "506", "", 8, 8), plan("PA", "507", "", 7, 8), plan("BO", "591", "0", 8, 8),
    plan("EC", "593", "0", 8, 9), plan("PY", "595", "0", 8, 9), plan("UY", "598", "0", 8, 8),
    plan("HK", "852", "", 8, 8), plan("MO", "853", "", 8, 8), plan("KH", "855", "0", 8, 9),
    plan("LA", "856", "0", 8, 10), plan("BD", "880", "0", 8, 10), plan("TW", "886", "0", 8, 9),
    plan("LB", "961", "0", 7, 8), plan("JO", "962", "0", 8, 9), plan("IQ", "964", "0", 8, 10),
    plan("KW", "965", "", 7, 8), plan("SA", "966", "0", 8, 9), plan("OM", "968", "", 8, 8),
    plan("PS", "970", "0", 8, 9), plan("AE", "971", "0", 8, 9), plan("IL", "972", "0", 8, 9),
    plan("BH", "973", "", 8, 8), plan("QA", "974", "", 7, 8), plan("MN", "976", "0", 8, 8),
    plan("NP", "977", "0", 8, 10), plan("AZ", "994", "0", 9, 9), plan("GE", "995", "0", 9, 9),
    plan("KG", "996", "0", 9, 9), plan("UZ", "998", "", 9, 9),
];

fn e164(text: &str, country: Option<&str>) -> Option<String> {
    // "+44 (0)20 …" shows the trunk prefix to readers at home.
    let international = text.trim().starts_with('+') || text.trim().starts_with("00");
    let text = if international { text.replacen("(0)", "", 1) } else { text.to_string() };
    let mut digits = String::new();
    for (i, c) in text.trim().chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if i == 0 => {}
            ' ' | '\u{a0}' | '-' | '\u{2011}' | '\u{2013}' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    let home = match country {
        Some(country) => {
            let code = alpha_2(country);
            PLANS.iter().find(|p| Some(p.country) == code)
        }
        None => None,
    };
    if text.trim().starts_with('+') {
        return with_code(&digits);
    }
    // North America dials 011 for abroad, most others 00.
    let abroad = if home.is_some_and(|p| p.code == "1") { "011" } else { "00" };
    if let Some(rest) = digits.strip_prefix(abroad) {
        return with_code(rest);
    }
    let home = home?;
    let national = match digits.strip_prefix(home.trunk) {
        // Without the prefix a number of the right length is meant as it stands.
        Some(rest) if !home.trunk.is_empty() && fits(home, rest) => rest,
        _ if !home.trunk.is_empty() && home.trunk != "1" && digits.starts_with(home.trunk) => return None,
        _ => &digits,
    };
    finished(home, national)
}

/// A number that begins with a calling code.
fn with_code(digits: &str) -> Option<String> {
    let plan = PLANS.iter().filter(|p| digits.starts_with(p.code)).max_by_key(|p| p.code.len())?;
    // max_by_key takes the last of equals, and all of one code have the same form.
    finished(plan, &digits[plan.code.len()..])
}

fn finished(plan: &Plan, national: &str) -> Option<String> {
    fits(plan, national).then(|| format!("+{}{national}", plan.code))
}

fn fits(plan: &Plan, national: &str) -> bool {
    let leading_zero_allowed = plan.trunk.is_empty();
    (plan.digits.0..=plan.digits.1).contains(&national.len())
        && plan.code.len() + national.len() <= DIGITS_MAX
        && (leading_zero_allowed || !national.starts_with('0'))
        // Numbers of the North American plan begin with 2 to 9.
        && (plan.code != "1" || !national.starts_with('1'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_e164_or_nothing() {
        for (text, country, expected) in [
            ("+49 30 123456", None, Some("+4930123456")),
            ("0049 (0)30 123456", None, Some("+4930123456")),
            ("030/123456", Some("Germany"), Some("+4930123456")),
            ("(415) 555-2671", Some("US"), Some("+14155552671")),
            ("1-415-555-2671", Some("USA"), Some("+14155552671")),
            ("011 44 20 7946 0018", Some("CA"), Some("+442079460018")),
            ("+44 (0)20 7946 0018", None, Some("+442079460018")),
            ("020 7946 0018", Some("GB"), Some("+442079460018")),
            ("06 1234 5678", Some("IT"), Some("+390612345678")),
            ("06 1 234 5678", Some("HU"), Some("+3612345678")),
            ("8 912 345-67-89", Some("RU"), Some("+79123456789")),
            ("612 345 678", Some("ES"), Some("+34612345678")),
            ("0612345678", Some("FR"), Some("+33612345678")),
            ("030 123456", None, None),
            ("030 123456", Some("Atlantis"), None),
            ("555-2671", Some("US"), None),
            ("+999 123456", None, None),
            ("+49 30 123456 ext. 7", None, None),
            ("", Some("DE"), None),
            ("+1 415 555 26711", None, None),
        ] {
            assert_eq!(e164(text, country).as_deref(), expected, "{text} {country:?}");
        }
    }

    #[test]
    fn every_plan_belongs_to_a_country() {
        for plan in PLANS {
            assert_eq!(alpha_2(plan.country), Some(plan.country));
        }
    }
}
