//! What every code of a problem means that a definition has: one in a file of the project, or one that was
//! sent to the API.

use syncline_core::error::Explanation;

use crate::errors_page::said;

const NAMES_WHAT_THERE_IS: &str =
    "The problem names what there is, and the likeliest word where one is close.";
const SOLVE_IT_FIRST: &str = "Solve the problems of that one first; it lists them.";

pub const DEFINITION_CODES: &[(&str, Explanation)] = &[
    (
        "broken_connection",
        said(
            "The connection that this uses cannot be used.",
            "The connection was made through the API and has problems of its own.",
            SOLVE_IT_FIRST,
        ),
    ),
    (
        "broken_sync",
        said(
            "The sync that this one waits for cannot be used.",
            "The schedule says after, and the sync named there has problems of its own.",
            SOLVE_IT_FIRST,
        ),
    ),
    (
        "conflicting_keys",
        said(
            "Two keys exclude each other.",
            "For example a model with both sql and table.",
            "Keep the one that says what you mean, and remove the other.",
        ),
    ),
    (
        "cursor_type",
        said(
            "The cursor's column cannot be used as a cursor.",
            "Its type has no order that a run could go on from.",
            "Name a column with a number or a time that only grows, or remove the cursor.",
        ),
    ),
    (
        "cycle",
        said(
            "Syncs wait for each other in a circle.",
            "Each has a schedule with after, and the last one leads to the first.",
            "Give one of them a schedule of its own.",
        ),
    ),
    (
        "document_too_large",
        said(
            "The document is too large, or too deep.",
            "A generated file, or one with many references that unfold.",
            "Split it into several, for example into several instances.",
        ),
    ),
    (
        "duplicate_instance",
        said(
            "Two instances have the same name.",
            "Two files define it, or one was copied.",
            "Rename one of the two, or put their entities together.",
        ),
    ),
    (
        "duplicate_key",
        said(
            "A key stands twice in the same place.",
            "A copied line, or two people's changes put together.",
            "Remove one of the two.",
        ),
    ),
    (
        "duplicate_name",
        said(
            "Two things of the same kind have the same name.",
            "A copied part, for example of a notification channel.",
            "Give one of them another name.",
        ),
    ),
    (
        "file_not_allowed",
        said(
            "What is made through the API may not read files.",
            "A key names a file with a statement or a list, which only files of the project may do.",
            "Write the text itself where the file is named, as the problem says.",
        ),
    ),
    (
        "file_not_readable",
        said(
            "A file cannot be read.",
            "It is not there, is a folder, is no text, or this process may not read it.",
            "Check the path, which starts at the project's folder, and the file's rights.",
        ),
    ),
    (
        "invalid_placeholder",
        said(
            "A placeholder cannot be understood.",
            "Placeholders are written ${env:NAME} or ${file:path}, and a plain ${ is written $${.",
            "Correct it, or write $${ where no placeholder is meant.",
        ),
    ),
    (
        "invalid_value",
        said(
            "A value is not one that this key takes.",
            "A misspelt word, a number out of its range, or a text of the wrong form.",
            "The problem says what the key takes, with an example.",
        ),
    ),
    (
        "match_not_mapped",
        said(
            "A match field gets no value.",
            "Records are found by the fields in to.match, and the mapping does not fill one of them.",
            "Add the field to the mapping, or match on another.",
        ),
    ),
    (
        "match_not_unique",
        said(
            "The target has no unique key on the match fields.",
            "Without one, two records could have the same match value, and it would not be known which one is meant.",
            "Make the unique index that the problem shows, or match on fields that have one.",
        ),
    ),
    (
        "misplaced_placeholder",
        said(
            "A placeholder stands where none may stand.",
            "Placeholders are for the options of connections, and for the url and the secret of notifications.",
            "Write the value itself here.",
        ),
    ),
    (
        "missing_key",
        said(
            "A key is missing that has to be there.",
            "It was left out, or misspelt.",
            "Add it; the problem says what it is.",
        ),
    ),
    (
        "not_applicable",
        said(
            "The key has no effect here.",
            "It belongs to another write mode, kind of model or type than the one that is chosen.",
            "Remove it, or choose what it belongs to; the problem says which.",
        ),
    ),
    (
        "not_available",
        said(
            "This version cannot do that yet.",
            "The definition asks for something that is planned, and not made.",
            "Choose one of those that the problem lists.",
        ),
    ),
    (
        "not_supported",
        said(
            "The connection's type cannot do that.",
            "The definition asks of a source or a target what it does not offer, for example a write mode or a kind of model.",
            "Choose one of those that the problem lists, or use another connection.",
        ),
    ),
    (
        "not_writable",
        said(
            "The target's object cannot be written.",
            "It is a view without rules, a table of the system, or something else that takes no records.",
            "Name a table that can be written in to.object.",
        ),
    ),
    (
        "path_not_allowed",
        said(
            "What is made through the API may not use this path.",
            "Connections of the API use files below the project's folder only, and in the folders that are allowed.",
            "Name a path there, or list its folder in settings.server.api_paths.",
        ),
    ),
    (
        "placeholder_not_allowed",
        said(
            "This placeholder may not be used here.",
            "What is made through the API reads no files and no variables of the server, apart from those that are allowed.",
            "Give the value itself, which is kept encrypted, or list the variable in settings.server.api_variables.",
        ),
    ),
    (
        "placeholder_without_value",
        said(
            "A placeholder has no value.",
            "The variable is not set where Syncline runs, or the file is not there.",
            "Set the variable or make the file, and start the server again where it was a variable.",
        ),
    ),
    (
        "project_too_large",
        said(
            "The project has more files than it may have.",
            "Many instances with a file for each, often a generated project.",
            "Divide it into several projects, each with a server.",
        ),
    ),
    (
        "reach_not_allowed",
        said(
            "What is made through the API may not send requests into the server's own networks.",
            "The channel's reach is wider than the internet, and nobody allowed that.",
            "Leave reach out, or list it in settings.server.api_reach.",
        ),
    ),
    (
        "read_only_field",
        said(
            "The target fills this field by itself.",
            "It is a generated column or an identity that takes no values.",
            "Remove the field from the mapping.",
        ),
    ),
    (
        "reduced",
        said(
            "A smaller value is used than the one that is written.",
            "The destination takes fewer records in one request than batch_size says.",
            "Write the value that is used. Nothing else changes.",
        ),
    ),
    (
        "renamed",
        said(
            "A sync is there, and another says that it was renamed from it.",
            "The old entity was left in the file beside its new name.",
            "Remove the old one, or renamed_from of the new one.",
        ),
    ),
    (
        "required_field_not_mapped",
        said(
            "A field that the target needs gets no value.",
            "The column takes no null and has no default, and the mapping does not fill it.",
            "Add the field to the mapping, or give its column a default at the target.",
        ),
    ),
    (
        "secret_in_clear",
        said(
            "A secret is written in a file in clear.",
            "A password or a token stands in a file that is often shared or kept in a repository.",
            "Replace it by ${env:NAME} or ${file:path}, and change it where it was issued.",
        ),
    ),
    (
        "shadowed",
        said(
            "A file and the API define the same thing, and the file wins.",
            "It was made through the API, and a file of the project defines it too.",
            "Remove one of the two.",
        ),
    ),
    (
        "target_missing",
        said(
            "The target's object does not exist.",
            "The table was not made yet, or its name or schema is misspelt.",
            "Make it with syncline check and --create, or correct to.object.",
        ),
    ),
    (
        "type_mismatch",
        said(
            "A value of this type does not go into its field.",
            "The expression gives another type than the target's column has.",
            "Cast the expression to the type of the column, as the problem shows.",
        ),
    ),
    (
        "unknown_column",
        said(
            "The model has no such column.",
            "It is misspelt, or the query does not select it.",
            NAMES_WHAT_THERE_IS,
        ),
    ),
    (
        "unknown_connection",
        said("There is no such connection.", "Its name is misspelt, or it was removed.", NAMES_WHAT_THERE_IS),
    ),
    (
        "unknown_connector",
        said(
            "There is no such type of connection.",
            "The type is misspelt, or this version does not have it.",
            NAMES_WHAT_THERE_IS,
        ),
    ),
    (
        "unknown_environment",
        said(
            "There is no such environment.",
            "An environment is a file such as syncline.prod.yaml beside syncline.yaml, and this one is not there.",
            "Make the file, or name one that is there.",
        ),
    ),
    (
        "unknown_field",
        said(
            "The target has no such field.",
            "It is misspelt, or the column was not made yet.",
            NAMES_WHAT_THERE_IS,
        ),
    ),
    (
        "unknown_key",
        said(
            "There is no such key here.",
            "It is misspelt, or belongs to another place.",
            NAMES_WHAT_THERE_IS,
        ),
    ),
    (
        "unknown_sync",
        said(
            "There is no such sync.",
            "Its id is misspelt, or it was renamed or removed.",
            NAMES_WHAT_THERE_IS,
        ),
    ),
    (
        "unmapped_match",
        said(
            "Nothing is mapped to a match field.",
            "Records are found by the fields in to.match, and the mapping does not fill one of them.",
            "Add the field to the mapping, or match on another.",
        ),
    ),
    (
        "unused_connection",
        said(
            "No instance uses this connection.",
            "It was left over, or its instance is still to be made.",
            "Remove it, or name it as the source or target of an instance.",
        ),
    ),
    (
        "wrong_type",
        said(
            "A value is of the wrong kind.",
            "A list where a text is wanted, a text where a number is wanted, and the like.",
            "The problem says which kind is wanted.",
        ),
    ),
    (
        "yaml_syntax",
        said(
            "The document is no valid YAML.",
            "A missing colon or quote, or lines that are not indented alike.",
            "Correct the line that the problem names. Texts with a colon or a # in them need quotes.",
        ),
    ),
];
