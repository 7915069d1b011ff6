//! Functions on text and lists.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, lit};
use datafusion_functions::{encoding, regex as regular, string, unicode};
use syncline_core::{LogicalType, Result};

use super::{Argument, Build, Call, Entry, FunctionDoc};
use crate::kernels::cast::Utf8Text;
use crate::kernels::list::{ArrayToString, Cardinality};
use crate::layout::layout;
use crate::lower::{Kind, Lowering, Value};

#[rustfmt::skip]
pub(super) fn entries() -> Vec<Entry> {
    use Argument::{Integer, Length, Text};
    use LogicalType::{Bool, Int32};
    const TEXT: LogicalType = LogicalType::Text;
    vec![
        entry("lower", &[], "lower(text) → text", "In lower case.", "lower('ÄB')", "äb", df(string::lower, &[Text], 1, TEXT)),
        entry("upper", &[], "upper(text) → text", "In upper case.", "upper('äb')", "ÄB", df(string::upper, &[Text], 1, TEXT)),
        entry("initcap", &[], "initcap(text) → text", "Each word with a capital first letter.", "initcap('ada LOVELACE')", "Ada Lovelace", df(unicode::initcap, &[Text], 1, TEXT)),
        entry("btrim", &["trim"], "trim(text [, characters]) → text", "Without spaces (or the characters) at both ends; also trim(both 'x' from text).", "trim('  a b ')", "a b", df(string::btrim, &[Text, Text], 1, TEXT)),
        entry("ltrim", &[], "ltrim(text [, characters]) → text", "Without spaces (or the characters) at the start.", "ltrim('xxa', 'x')", "a", df(string::ltrim, &[Text, Text], 1, TEXT)),
        entry("rtrim", &[], "rtrim(text [, characters]) → text", "Without spaces (or the characters) at the end.", "rtrim('a  ')", "a", df(string::rtrim, &[Text, Text], 1, TEXT)),
        entry("length", &["char_length", "character_length"], "length(text) → integer", "Number of characters.", "length('äö')", "2", df(unicode::character_length, &[Text], 1, Int32)),
        entry("octet_length", &[], "octet_length(text) → integer", "Number of bytes in UTF-8.", "octet_length('äö')", "4", df(string::octet_length, &[Text], 1, Int32)),
        entry("left", &[], "left(text, n) → text", "The first n characters; a negative n leaves out the last.", "left('abcde', 2)", "ab", df(unicode::left, &[Text, Integer], 2, TEXT)),
        entry("right", &[], "right(text, n) → text", "The last n characters; a negative n leaves out the first.", "right('abcde', 2)", "de", df(unicode::right, &[Text, Integer], 2, TEXT)),
        entry("lpad", &[], "lpad(text, length [, fill]) → text", "Filled at the start to a length, or cut to it.", "lpad('7', 3, '0')", "007", df(unicode::lpad, &[Text, Length, Text], 2, TEXT)),
        entry("rpad", &[], "rpad(text, length [, fill]) → text", "Filled at the end to a length, or cut to it.", "rpad('7', 3, '.')", "7..", df(unicode::rpad, &[Text, Length, Text], 2, TEXT)),
        entry("substr", &["substring"], "substr(text, start [, count]) → text", "Part of a text, counted from 1; also substring(text from 2 for 3).", "substring('abcdef' from 2 for 3)", "bcd", df(unicode::substr, &[Text, Integer, Integer], 2, TEXT)),
        entry("replace", &[], "replace(text, from, to) → text", "With every occurrence replaced.", "replace('a-b-c', '-', '')", "abc", df(string::replace, &[Text, Text, Text], 3, TEXT)),
        entry("translate", &[], "translate(text, from, to) → text", "With single characters replaced by position, or removed.", "translate('a-b/c', '-/', '_')", "a_bc", df(unicode::translate, &[Text, Text, Text], 3, TEXT)),
        entry("overlay", &[], "overlay(text placing new from start [for count]) → text", "With a part overwritten.", "overlay('abcdef' placing 'X' from 2 for 3)", "aXef", df(datafusion_functions::core::overlay, &[Text, Text, Integer, Integer], 3, TEXT)),
        entry("reverse", &[], "reverse(text) → text", "Backwards.", "reverse('abc')", "cba", df(unicode::reverse, &[Text], 1, TEXT)),
        entry("repeat", &[], "repeat(text, n) → text", "n times, at most 10,000.", "repeat('ab', 2)", "abab", df(string::repeat, &[Text, Length], 2, TEXT)),
        entry("split_part", &[], "split_part(text, delimiter, n) → text", "The n-th part; a negative n counts from the end; empty when there is none.", "split_part('a@b.de', '@', 2)", "b.de", df(string::split_part, &[Text, Text, Integer], 3, TEXT)),
        entry("strpos", &["position"], "strpos(text, part) → integer", "Where a part begins, from 1; 0 when it does not occur; also position(part in text).", "position('b' in 'abc')", "2", df(unicode::strpos, &[Text, Text], 2, Int32)),
        entry("starts_with", &[], "starts_with(text, prefix) → boolean", "Whether a text begins so.", "starts_with('abc', 'ab')", "true", df(string::starts_with, &[Text, Text], 2, Bool)),
        entry("ends_with", &[], "ends_with(text, suffix) → boolean", "Whether a text ends so.", "ends_with('abc', 'bc')", "true", df(string::ends_with, &[Text, Text], 2, Bool)),
        entry("contains", &[], "contains(text, part) → boolean", "Whether a part occurs.", "contains('abc', 'b')", "true", df(string::contains, &[Text, Text], 2, Bool)),
        entry("ascii", &[], "ascii(text) → integer", "The code point of the first character.", "ascii('A')", "65", df(string::ascii, &[Text], 1, Int32)),
        entry("chr", &[], "chr(integer) → text", "The character of a code point.", "chr(65)", "A", df(string::chr, &[Integer], 1, TEXT)),
        entry("to_hex", &[], "to_hex(integer) → text", "In hexadecimal.", "to_hex(255)", "ff", df(string::to_hex, &[Integer], 1, TEXT)),
        entry("levenshtein", &[], "levenshtein(a, b) → integer", "How many single-character edits apart two texts are.", "levenshtein('kitten', 'sitting')", "3", df(string::levenshtein, &[Text, Text], 2, Int32)),
        entry("concat", &[], "concat(value, …) → text", "All values as text, one after the other; NULLs are left out.", "concat('a', NULL, 1)", "a1", own(1, usize::MAX, concat)),
        entry("concat_ws", &[], "concat_ws(separator, value, …) → text", "All values as text with a separator between; NULLs are left out.", "concat_ws(' ', 'Ada', NULL, 'Lovelace')", "Ada Lovelace", own(2, usize::MAX, concat_ws)),
        entry("regexp_replace", &[], "regexp_replace(text, pattern, replacement [, flags]) → text", "With the first match replaced, or every match with the flag 'g'; \\1 is the first group.", "regexp_replace('a1b22', '[0-9]+', '#', 'g')", "a#b#", own(3, 4, regexp_replace)),
        entry("regexp_like", &[], "regexp_like(text, pattern [, flags]) → boolean", "Whether a pattern matches somewhere; flag 'i' ignores case.", "regexp_like('Abc', '^a', 'i')", "true", own(2, 3, regexp_like)),
        entry("regexp_count", &[], "regexp_count(text, pattern) → integer", "How often a pattern matches.", "regexp_count('a1b22', '[0-9]+')", "2", own(2, 2, regexp_count)),
        entry("encode", &[], "encode(bytes, 'hex' | 'base64') → text", "Bytes (or the UTF-8 of a text) as text.", "encode('abc', 'base64')", "YWJj", own(2, 2, encode)),
        entry("decode", &[], "decode(text, 'hex' | 'base64') → bytes", "The bytes a text stands for.", "decode('616263', 'hex')", "\\x616263", own(2, 2, decode)),
        entry("convert_from", &[], "convert_from(bytes, 'UTF8') → text", "Bytes read as UTF-8.", "convert_from(decode('616263', 'hex'), 'UTF8')", "abc", own(2, 2, convert_from)),
        entry("array_to_string", &[], "array_to_string(list, separator [, for_null]) → text", "The items of a list as one text; NULL items are left out unless for_null is given.", "array_to_string(NULL, ',')", "NULL", own(2, 3, array_to_string)),
        entry("cardinality", &[], "cardinality(list) → integer", "The number of items of a list.", "cardinality(NULL)", "NULL", own(1, 1, cardinality)),
    ]
}

pub(super) fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    signature: &'static str,
    summary: &'static str,
    example: &'static str,
    result: &'static str,
    build: Build,
) -> Entry {
    Entry { doc: FunctionDoc { name, aliases, signature, summary, example, result }, build }
}

pub(super) fn own(least: usize, most: usize, lower: fn(&mut Lowering, Call) -> Result<Value>) -> Build {
    Build::Own { least, most, lower }
}

fn df(
    udf: fn() -> std::sync::Arc<datafusion_expr::ScalarUDF>,
    args: &'static [Argument],
    required: usize,
    result: LogicalType,
) -> Build {
    Build::DataFusion { udf, args, required, result }
}

/// Every argument as text, however it is typed.
fn as_texts(lowering: &Lowering, call: &Call, from: usize) -> Result<Vec<(Expr, DataType)>> {
    let as_text = |arg: &Value| {
        let text = lowering.explicit(arg.clone(), &LogicalType::Text, false, call.at)?;
        Ok((text.expr, DataType::Utf8))
    };
    call.args[from..].iter().map(as_text).collect()
}

fn concat(lowering: &mut Lowering, call: Call) -> Result<Value> {
    let args = as_texts(lowering, &call, 0)?;
    call.datafusion(string::concat(), args, LogicalType::Text)
}

fn concat_ws(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let mut args = vec![call.text(lowering, 0)?];
    args.extend(as_texts(lowering, &call, 1)?);
    call.datafusion(string::concat_ws(), args, LogicalType::Text)
}

/// Text arguments of a regular expression function, the constant pattern (argument 1) checked.
fn pattern_args(
    lowering: &Lowering,
    call: &mut Call,
    flags: &str,
    flags_at: usize,
) -> Result<Vec<(Expr, DataType)>> {
    if let Kind::Open(Some(pattern)) = &call.args[1].kind
        && let Err(e) = regex::Regex::new(pattern)
    {
        let why = e.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
        return Err(lowering
            .fail(call.at, format!("'{pattern}' is not a regular expression: {why}"))
            .help("look-around and back-references in patterns are not available"));
    }
    if call.args.len() > flags_at {
        let given = call.constant(lowering, flags_at, "the flags")?;
        if let Some(bad) = given.chars().find(|c| !flags.contains(*c)) {
            let known: Vec<String> = flags.chars().map(|c| format!("'{c}'")).collect();
            return Err(lowering
                .fail(call.at, format!("'{bad}' is not a flag of {}", call.name))
                .help(format!("the flags are {}", known.join(", "))));
        }
    }
    (0..call.args.len()).map(|i| call.text(lowering, i)).collect()
}

fn regexp_replace(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = pattern_args(lowering, &mut call, "gims", 3)?;
    call.datafusion(regular::regexp_replace(), args, LogicalType::Text)
}

fn regexp_like(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = pattern_args(lowering, &mut call, "ims", 2)?;
    call.datafusion(regular::regexp_like(), args, LogicalType::Bool)
}

fn regexp_count(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = pattern_args(lowering, &mut call, "", 2)?;
    call.datafusion(regular::regexp_count(), args, LogicalType::Int32)
}

/// PostgreSQL's base64 is padded, which DataFusion calls by another name.
fn coding(lowering: &Lowering, call: &Call) -> Result<(Expr, DataType)> {
    match call.constant(lowering, 1, "the coding")?.to_lowercase().as_str() {
        "hex" => Ok((lit("hex"), DataType::Utf8)),
        "base64" => Ok((lit("base64pad"), DataType::Utf8)),
        other => {
            Err(lowering.fail(call.at, format!("'{other}' is not a coding")).help("use 'hex' or 'base64'"))
        }
    }
}

fn encode(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let ty = call.known(0)?;
    if !matches!(ty, LogicalType::Text | LogicalType::Bytes) {
        return Err(call.wrong(lowering, 0, "bytes or text"));
    }
    let args = vec![(call.args[0].expr.clone(), layout(&ty)), coding(lowering, &call)?];
    call.datafusion(encoding::encode(), args, LogicalType::Text)
}

fn decode(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = vec![call.text(lowering, 0)?, coding(lowering, &call)?];
    call.datafusion(encoding::decode(), args, LogicalType::Bytes)
}

fn convert_from(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let coding = call.constant(lowering, 1, "the coding")?.to_lowercase().replace('-', "");
    if coding != "utf8" {
        return Err(lowering.fail(call.at, "only 'UTF8' can be read"));
    }
    let bytes = call.take(lowering, 0, &LogicalType::Bytes)?;
    Ok(call.own(Utf8Text, LogicalType::Text, vec![bytes]))
}

/// The list in argument 0, or `None` for NULL.
fn list_item(lowering: &Lowering, call: &Call) -> Result<Option<LogicalType>> {
    match &call.args[0].kind {
        Kind::Known(LogicalType::Array(item)) => Ok(Some(item.as_ref().clone())),
        Kind::Open(None) => Ok(None),
        _ => Err(call.wrong(lowering, 0, "a list")),
    }
}

fn array_to_string(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let Some(item) = list_item(lowering, &call)? else {
        return Ok(Value::new(lit(ScalarValue::Utf8(None)), LogicalType::Text, 1));
    };
    let mut args = vec![call.args[0].expr.clone()];
    for i in 1..call.args.len() {
        args.push(call.take(lowering, i, &LogicalType::Text)?);
    }
    Ok(call.own(ArrayToString { item }, LogicalType::Text, args))
}

fn cardinality(lowering: &mut Lowering, call: Call) -> Result<Value> {
    if list_item(lowering, &call)?.is_none() {
        return Ok(Value::new(lit(ScalarValue::Int32(None)), LogicalType::Int32, 1));
    }
    let args = vec![call.args[0].expr.clone()];
    Ok(call.own(Cardinality, LogicalType::Int32, args))
}
