use super::*;

#[test]
fn every_documented_example_gives_its_documented_result() {
    for doc in syncline_expr::functions() {
        assert_eq!(first(doc.example), doc.result, "{}", doc.example);
    }
}

#[test]
fn the_page_lists_exactly_the_functions_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/expressions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, list) = page.split_once("<!-- functions -->").expect("the page marks its list of functions");
    let (list, _) = list.split_once("<!-- /functions -->").expect("the page marks the end of its list");
    let mut expected = String::from("\n| Function | What it gives | Example |\n|---|---|---|\n");
    for doc in syncline_expr::functions() {
        let cell = |text: &str| text.replace('|', "\\|");
        let also = match doc.aliases {
            [] => String::new(),
            names => format!(
                " Also called {}.",
                names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
            ),
        };
        expected.push_str(&format!(
            "| `{}` | {}{also} | `{}` = `{}` |\n",
            cell(doc.signature),
            cell(doc.summary),
            cell(doc.example),
            cell(doc.result),
        ));
    }
    assert_eq!(list.trim(), expected.trim(), "docs/expressions.md: replace its list by the expected one");
}

#[test]
fn names_and_aliases_are_unique() {
    let mut names = std::collections::HashSet::new();
    for doc in syncline_expr::functions() {
        assert!(names.insert(doc.name), "{}", doc.name);
        for alias in doc.aliases {
            assert!(names.insert(alias), "{alias}");
        }
    }
}
