//! `country(text)`: the ISO 3166-1 alpha-2 code of a country's name or code.

use arrow::array::ArrayRef;
use std::collections::HashMap;
use std::sync::OnceLock;

use super::country_table::COUNTRIES;
use super::map_text;
use crate::kernel::Kernel;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Country;

impl Kernel for Country {
    fn name(&self) -> &'static str {
        "country"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        map_text(&args[0], |text| Ok(alpha_2(text).map(str::to_string)))
    }
}

/// The alpha-2 code, or `None` for a text that is no country we know.
pub(crate) fn alpha_2(text: &str) -> Option<&'static str> {
    static INDEX: OnceLock<HashMap<String, &'static str>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let mut index = HashMap::new();
        for (alpha_2, alpha_3, names) in &COUNTRIES {
            for name in [*alpha_2, *alpha_3].iter().chain(names.iter()) {
                index.insert(normal(name), *alpha_2);
            }
        }
        index
    });
    index.get(&normal(text)).copied()
}

/// Lower case, `&` as `and`, `St.` as `Saint`, and nothing but letters and digits between single spaces.
fn normal(text: &str) -> String {
    let text = text.to_lowercase().replace('&', " and ").replace(['\'', '’', '.'], "");
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| if word == "st" { "saint" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_both_codes_are_known_however_written() {
        for (text, code) in [
            ("Germany", "DE"),
            (" germany ", "DE"),
            ("DEU", "DE"),
            ("de", "DE"),
            ("U.S.A.", "US"),
            ("Trinidad & Tobago", "TT"),
            ("St. Lucia", "LC"),
            ("Côte d’Ivoire", "CI"),
            ("Congo, Democratic Republic of the", "CD"),
            ("Türkiye", "TR"),
            ("south  korea", "KR"),
        ] {
            assert_eq!(alpha_2(text), Some(code), "{text}");
        }
        assert_eq!(alpha_2("Atlantis"), None);
        assert_eq!(alpha_2(""), None);
    }

    #[test]
    fn no_two_countries_share_a_name() {
        let mut owner = HashMap::new();
        for (alpha_2, alpha_3, names) in &COUNTRIES {
            for name in [*alpha_2, *alpha_3].iter().chain(names.iter()) {
                let before = owner.insert(normal(name), alpha_2);
                assert!(before.is_none_or(|b| b == alpha_2), "{name} of {alpha_2} and {before:?}");
            }
        }
    }
}
