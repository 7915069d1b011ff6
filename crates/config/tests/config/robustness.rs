//! Whatever a file holds, loading ends with a project or with problems.

use proptest::prelude::*;

use crate::fixture::{CONNECTIONS, Folder};

/// Pieces that YAML and the documents are made of, so that random texts reach deep.
const PIECES: [&str; 48] = [
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    ": ",
    "- ",
    "{ ",
    " }",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: *a",
    "#",
    "!x ",
    "~",
    "---\n",
    "?",
    "instance",
    "source",
    "target",
    "entities",
    "model",
    "key",
    "to",
    "object",
    "match",
    "mapping",
    "schedule",
    "every",
    "guards",
    "connections",
    "type",
    "postgres",
    "15m",
    "10%",
    "true",
    "id",
    "${env:X}",
    "$${",
    "ü",
    "\t",
    "\u{feff}",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

fn ends(project: impl AsRef<[u8]>, instance: impl AsRef<[u8]>) {
    let folder = Folder::new().file("syncline.yaml", project).file("syncs/a.yaml", instance);
    if let Err(problems) = folder.load_as(None) {
        assert!(!problems.0.is_empty());
        for problem in problems.0 {
            assert!(problem.line >= 1 && problem.column >= 1);
            assert!(!problem.render(80, true).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_end_without_a_panic(project in prop::collection::vec(any::<u8>(), 0..300), instance in prop::collection::vec(any::<u8>(), 0..300)) {
        ends(project, instance);
    }

    #[test]
    fn any_mixture_of_yaml_ends_without_a_panic(project in text(), instance in text()) {
        ends(project, instance);
    }

    /// A valid document with a random piece anywhere in it.
    #[test]
    fn a_damaged_document_ends_without_a_panic(at in 0usize..400, cut in 0usize..12, piece in text()) {
        let whole = "instance: crm\nsource: warehouse\ntarget: crm\ndefaults: { tags: [a], guards: { max_deletes: 5% } }\n\
            entities:\n  contact:\n    model: { sql: \"select 1\", key: [id, b], cursor: at }\n    to: { object: c, match: [x, y] }\n    \
            write_mode: mirror\n    on_removed: { flag: { field: gone, value: now } }\n    mapping: { x: id, y: b, z: { value: q, write: if_empty } }\n    \
            excluded_keys: [1, [a, b]]\n    schedule: { cron: \"0 * * * *\", timezone: Europe/Berlin }\n";
        let at = at.min(whole.len());
        let end = (at + cut).min(whole.len());
        ends(CONNECTIONS, format!("{}{piece}{}", &whole[..at], &whole[end..]));
    }
}

#[test]
fn huge_and_deep_documents_stop_at_limits() {
    let huge = format!("connections: {{}}\n#{}", "x".repeat(5 * 1024 * 1024));
    let problems = Folder::new().file("syncline.yaml", huge).problems();
    assert!(problems[0].message.contains("more than 4194304 bytes"), "{}", problems[0]);
    let many = format!("instance: [{}]\n", "x,".repeat(200_000));
    let problems = Folder::with_instance(&many).problems();
    assert_eq!(problems[0].code, "document_too_large");
    let deep = format!("instance: {}x", "- ".repeat(20_000));
    assert!(!Folder::with_instance(&deep).problems().is_empty());
}
