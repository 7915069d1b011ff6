//! What every code of a row's error means: those of runs, of dead letters, and of letters that a replay
//! could not take.

use syncline_core::error::Explanation;

use crate::errors_page::said;

const LOOK_AT_THE_VALUE: &str =
    "Correct the value in the source or change the mapping; the next run tries the row again.";
const ASK_THE_OWNER: &str = "Look at the message, correct the row in the source, or change the rule at the target with those who own it; the next run tries the row again.";

pub const ROW_CODES: &[(&str, Explanation)] = &[
    (
        "check_violation",
        said(
            "A check of the target's table refuses the row.",
            "The table has a CHECK constraint, and a value of the row is outside what it allows. The message names the constraint.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "constraint_violation",
        said(
            "A constraint of the target refuses the row.",
            "The target has a rule that is neither a key, a check nor a reference. The message is what the target says about it.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "datatype_mismatch",
        said(
            "The column at the target does not take values of this type.",
            "A strict table or a row id of SQLite takes one type only, and the value has another.",
            "Cast the value in the mapping to the type of the column, or correct it in the source.",
        ),
    ),
    (
        "datetime_out_of_range",
        said(
            "A date or a time is outside what the target can hold.",
            "A placeholder such as the year 294277, or a value that was read with the wrong unit.",
            LOOK_AT_THE_VALUE,
        ),
    ),
    (
        "discarded_by_trigger",
        said(
            "A trigger of the target's table let the row fall.",
            "The trigger ends without an error and without writing, so the record is not there.",
            "Look at the table's triggers. If they are right to leave such rows out, leave them out of the sync too, with exclude.",
        ),
    ),
    (
        "duplicate_match",
        said(
            "Another row of the same run has the same match value.",
            "Records at the target are found by the match fields, and two rows of the source would write to one record.",
            "Make the match value unique in the source, or match on a field that is.",
        ),
    ),
    (
        "duplicate_match_value",
        said(
            "The run writes another record with the same match value to this file.",
            "Two rows of the source have the same value in the match fields.",
            "Make the match value unique in the source, or match on a field that is.",
        ),
    ),
    (
        "exclusion_violation",
        said(
            "The row overlaps a record that the target holds.",
            "The table has an exclusion constraint, for example over periods that may not overlap.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "expression_failed",
        said(
            "An expression of the sync has no value for this row.",
            "A division by zero, a text that is no number or date, or another value that a function of the mapping does not take.",
            "Correct the value in the source, or let the expression cope with it, for example with try_cast or coalesce.",
        ),
    ),
    (
        "foreign_key_violation",
        said(
            "The row refers to a record that the target does not have, or other records refer to the one that is to be removed.",
            "The record it refers to was not delivered yet or failed itself, or it was removed at the target.",
            "Deliver the other record first (a schedule with after puts the syncs in order); the next run tries the row again.",
        ),
    ),
    (
        "invalid_json",
        said(
            "The value is no valid JSON.",
            "The field takes JSON, and the text of the row is none.",
            LOOK_AT_THE_VALUE,
        ),
    ),
    (
        "invalid_value",
        said(
            "The value is not one of the type that its field takes.",
            "A text that is no number, date or UUID, one with characters that the target cannot hold, or one that is not among the words that the column allows.",
            LOOK_AT_THE_VALUE,
        ),
    ),
    (
        "letter_not_open",
        said(
            "The dead letter cannot be replayed in the state that it has.",
            "It was resolved, or has expired, or another replay has it.",
            "Look at the letter: its state says what became of it. Ignored and open ones can be replayed.",
        ),
    ),
    (
        "match_changed",
        said(
            "The match value of a row that was delivered is another one now.",
            "The row has the same key as before, and the field by which the target finds its record changed. Going on would leave the old record behind.",
            "Put the value back, or say with on_match_change that the old record is to be updated (update_by_id) or replaced (recreate), where the target can do that.",
        ),
    ),
    (
        "match_value_taken",
        said(
            "Another record of the file has this match value.",
            "The row is to get a match value that a record of another row has already.",
            "Make the match value unique in the source; the next run tries the row again.",
        ),
    ),
    (
        "may_have_been_written",
        said(
            "The connection broke off while the row was sent: it may have been written, or not.",
            "A loss of the network, or a restart of the target, after the request was sent and before its answer came.",
            "Nothing for syncs that find their records by a match field: the next run looks, and sends what is missing. Where records are appended, compare with the target before you replay the letter.",
        ),
    ),
    (
        "missing_field",
        said(
            "The corrected payload lacks a field that the sync writes.",
            "A field was taken out of the payload, or the mapping got another one since the letter was made.",
            "Add the field to the payload, or replay the letter in the mode reread.",
        ),
    ),
    (
        "newer_delivered",
        said(
            "Something newer was delivered for this key since the letter was made.",
            "Sending the old payload would put an old record over a newer one.",
            "Replay the letter in the mode reread, which sends the row as it is now, or resolve the letter.",
        ),
    ),
    (
        "no_canonical_form",
        said(
            "The source holds a value that cannot be written down exactly.",
            "A text that is not valid UTF-8, a moment or an interval beyond what can be kept, a list of lists, or a value of more than 1 GiB. The message says which.",
            "Turn the value into a text, or into one that can be held, in the model's query.",
        ),
    ),
    (
        "not_edited",
        said(
            "The letter has no corrected payload.",
            "A replay in the mode edited sends what somebody corrected, and nobody corrected this letter.",
            "Correct its payload first, or replay it in the mode as_captured or reread.",
        ),
    ),
    (
        "not_null_violation",
        said(
            "A field that needs a value has none.",
            "The source has no value in the column that is mapped to it, or the mapping's expression gives null.",
            "Give the row a value in the source, or a value for such rows in the mapping, for example with coalesce.",
        ),
    ),
    (
        "nothing_captured",
        said(
            "There is no payload that could be sent.",
            "The row failed before its record was put together, or values are not kept for this sync.",
            "Replay the letter in the mode reread, which reads the row again.",
        ),
    ),
    (
        "null_key",
        said(
            "The row has no key.",
            "A column of the model's key is null, and a row without a key cannot be followed from run to run.",
            "Give the row a key in the source, or leave such rows out in the model's query.",
        ),
    ),
    (
        "null_match_value",
        said(
            "A match field of the row is null.",
            "The target finds its records by the match fields, and by null none is found.",
            "Give the row a value in the source, or leave such rows out with exclude.",
        ),
    ),
    (
        "numeric_out_of_range",
        said(
            "A number is larger than its field can hold.",
            "The column at the target has fewer digits or a smaller type than the source.",
            "Correct the number in the source, or make the column at the target wider.",
        ),
    ),
    (
        "raised_by_trigger",
        said(
            "A trigger or a function of the target refuses the row.",
            "The target's own code raised an error. The message is what it says.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "refused_by_target",
        said(
            "The target refuses the row for a reason of its own.",
            "A view with a condition, a trigger, or another rule that the row does not keep. The message is what the target says.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "removal_not_captured",
        said(
            "The letter is about a removal, which has no payload.",
            "A replay in the mode as_captured or edited sends a payload, and to remove a record there is none to send.",
            "Replay the letter in the mode reread: it looks whether the row is still gone.",
        ),
    ),
    (
        "row_refused",
        said(
            "SQLite failed while it wrote the row.",
            "A function in a check, a generated column or a trigger ended with an error. The message is what SQLite says.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "row_security_violation",
        said(
            "A row security policy of the table refuses the row.",
            "The policy does not let the role of the connection write this row.",
            "Let the policy allow the role to write it, or leave such rows out with exclude.",
        ),
    ),
    (
        "source_row_unknown",
        said(
            "It is not known of which source row the payload was corrected.",
            "The letter is from an earlier version, which did not note the row.",
            "Replay the letter in the mode as_captured or reread.",
        ),
    ),
    (
        "string_too_long",
        said(
            "A text is longer than its field.",
            "The column at the target takes fewer characters than the value has.",
            "Shorten the text in the source or in the mapping, for example with left, or make the column wider.",
        ),
    ),
    (
        "trigger_refused",
        said(
            "A trigger of the target's table refuses the row.",
            "The trigger raised an error. The message is what it says.",
            ASK_THE_OWNER,
        ),
    ),
    (
        "unique_violation",
        said(
            "Another record at the target has the same value in a unique field.",
            "The record was made by somebody else, or two rows of the source have the same value.",
            "Make the value unique in the source, or remove the other record. To write to the record that is there, match on this field.",
        ),
    ),
    (
        "unknown_field",
        said(
            "The corrected payload has a field that the sync does not write.",
            "The field is misspelt, or the mapping has lost it since the letter was made.",
            "Take the field out of the payload, or replay the letter in the mode reread.",
        ),
    ),
    (
        "unreadable_row",
        said(
            "A line of the source's file cannot be read as a row.",
            "It has too many or too few fields, a quote that is not closed, or characters of another encoding. The message names file and line.",
            "Correct the line in the file; the next run reads it again.",
        ),
    ),
    (
        "value_not_storable",
        said(
            "SQLite would keep another value than this one.",
            "SQLite turns some values into others, for example NaN into null, or a text into a number.",
            "Declare the column with the type that the message names, or turn the value into a text in the mapping.",
        ),
    ),
    (
        "value_out_of_range",
        said(
            "The value does not fit into the type of its field.",
            "A number that is too large, or one with a fraction where whole numbers are wanted.",
            "Correct the value in the source, round it in the mapping, or make the column at the target wider.",
        ),
    ),
    (
        "value_too_large",
        said(
            "A value is larger than the target can hold.",
            "A text, a list or a record with more bytes than the target takes, or than fit into an index over it.",
            "Shorten the value in the source or in the mapping, or leave such rows out with exclude.",
        ),
    ),
];
