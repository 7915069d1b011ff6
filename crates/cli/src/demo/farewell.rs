//! What a person can do in the demo's folder when the story is told.

use std::path::Path;

use crate::output::{Out, Style};

const IDEAS: [(&str, &str); 6] = [
    ("syncline dlq list", "what still waits for a correction"),
    ("syncline preview crm.contact", "source rows beside what is sent"),
    ("syncline plan crm.contact --cursor full", "what sending everything again would write"),
    ("syncline functions", "what the expressions of a mapping can call"),
    ("$EDITOR syncs/crm.yaml", "change a mapping, then: syncline plan crm.contact"),
    ("syncline init ../my-project", "a project for your own systems"),
];

/// Says which commands to go on with, and how to be rid of `folder`. `program` is this program.
pub fn what_next(out: &Out, folder: &Path, program: &Path) {
    let path = shell_word(&folder.display().to_string());
    out.line(format!("\n{}", out.paint(Style::Strong, "What to try next")));
    out.line(format!("  cd {path}"));
    if !the_shell_knows_it() {
        out.line(format!("  alias syncline={}", shell_word(&program.display().to_string())));
    }
    for (command, what) in IDEAS {
        out.line(format!("  {command:<44}{}", out.paint(Style::Dim, what)));
    }
    out.line("\nThe example is all in that folder. `syncline demo` makes it anew; to be rid of it:");
    out.line(format!("  rm -r {path}"));
}

/// Whether typing `syncline` starts one.
fn the_shell_knows_it() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join("syncline").is_file())
}

/// A text as one word of a shell's command line.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_and_quotes_can_be_typed() {
        assert_eq!(shell_word("/home/ada/demo"), "/home/ada/demo");
        assert_eq!(shell_word("/home/ada/my demo"), "'/home/ada/my demo'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
