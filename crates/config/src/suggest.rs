//! "Did you mean": the known word that a wrong word most likely stands for.

/// The closest of some words, if one is close enough to be meant.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer words are not typing mistakes, and comparing them takes time.
    const WORD_CHARS_MAX: usize = 64;
    let length = word.chars().count();
    if length == 0 || length > WORD_CHARS_MAX {
        return None;
    }
    let folded = fold(word);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_CHARS_MAX * 2)
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &fold(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + length.min(candidate.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace(['-', ' '], "_")
}

/// Longest list that is of help.
const LISTED_MAX: usize = 50;
/// Most words that one is compared with: a project can have tens of thousands.
const COMPARED_MAX: usize = 2_000;

/// Advice for a wrong word: the closest known one, or all of them if they are few.
pub(crate) fn advice<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(COMPARED_MAX).collect();
    match closest(word, known.iter().copied()) {
        Some(meant) => Some(format!("did you mean '{meant}'?")),
        None if known.is_empty() => None,
        None if known.len() > LISTED_MAX => None,
        None => Some(format!("use one of: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognized_and_a_different_word_is_not() {
        let known = ["schedule", "mapping", "write_mode", "to"];
        assert_eq!(closest("shedule", known), Some("schedule"));
        assert_eq!(closest("write-mode", known), Some("write_mode"));
        assert_eq!(closest("WriteMode", known), Some("write_mode"));
        assert_eq!(closest("ot", known), Some("to"));
        assert_eq!(closest("destination", known), None);
        assert_eq!(advice("destination", ["x"; LISTED_MAX + 1]), None);
        assert_eq!(advice("destination", known).unwrap(), "use one of: schedule, mapping, write_mode, to");
    }
}
