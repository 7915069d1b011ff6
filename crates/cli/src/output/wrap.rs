//! Running text on terminals: lines break between words.

/// Breaks a line longer than `width` columns between words; what follows a break is indented by
/// `hang`. Words that are longer than a line (paths, ids) stay whole, so that they can be copied.
pub fn wrap(line: &str, width: usize, hang: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    // Columns used, and whether a word stands on the line already.
    let (mut used, mut begun) = (0, false);
    let mut gap = 0;
    for word in line.split(' ') {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        let columns = columns(word);
        if begun && used + gap + columns > width {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', hang));
            used = hang;
        } else {
            wrapped.extend(std::iter::repeat_n(' ', gap));
            used += gap;
        }
        wrapped.push_str(word);
        used += columns;
        (gap, begun) = (1, true);
    }
    wrapped
}

/// Characters that are seen: escape sequences for colours take no room.
fn columns(text: &str) -> usize {
    let mut count = 0;
    let mut in_escape = false;
    for c in text.chars() {
        match (in_escape, c) {
            (false, '\u{1b}') => in_escape = true,
            (false, _) => count += 1,
            (true, 'm') => in_escape = false,
            (true, _) => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_hang() {
        assert_eq!(wrap("one two three", 20, 2), "one two three");
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("  one  two three", 10, 4), "  one  two\n    three");
        assert_eq!(wrap("", 10, 4), "");
    }

    #[test]
    fn words_longer_than_a_line_stay_whole() {
        assert_eq!(wrap("see /a/very/long/path here", 8, 2), "see\n  /a/very/long/path\n  here");
        assert_eq!(wrap("/a/very/long/path", 8, 2), "/a/very/long/path");
    }

    #[test]
    fn colours_take_no_room() {
        let painted = "\u{1b}[31mone\u{1b}[0m two";
        assert_eq!(columns(painted), 7);
        assert_eq!(wrap(painted, 7, 0), painted);
        assert_eq!(wrap(painted, 6, 0), "\u{1b}[31mone\u{1b}[0m\ntwo");
    }
}
