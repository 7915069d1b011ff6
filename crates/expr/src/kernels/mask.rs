//! `mask(text)`: hides content but shows roughly how much there is.

use arrow::array::ArrayRef;

use super::map_text;
use crate::kernel::Kernel;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mask;

/// Numbers of asterisks a mask can have. Nothing of the content shows, and the length only by its class.
const CLASSES: [usize; 5] = [4, 8, 16, 32, 64];

impl Kernel for Mask {
    fn name(&self) -> &'static str {
        "mask"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        map_text(&args[0], |text| Ok(Some(mask(text))))
    }
}

fn mask(text: &str) -> String {
    let length = text.chars().count();
    if length == 0 {
        return String::new();
    }
    let class = CLASSES.into_iter().find(|class| length <= *class).unwrap_or(64);
    "*".repeat(class)
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn only_the_class_of_the_length_shows() {
        assert_eq!(mask(""), "");
        assert_eq!(mask("a"), "****");
        assert_eq!(mask("äöüß"), "****");
        assert_eq!(mask("alice"), "********");
        assert_eq!(mask(&"x".repeat(1000)).len(), 64);
    }
}
