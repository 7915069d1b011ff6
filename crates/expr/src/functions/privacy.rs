//! Hashes and masks, normalization of contact data, and lookups.

use arrow::datatypes::DataType;
use datafusion_expr::{Expr, lit};
use datafusion_functions::{crypto, encoding};
use std::sync::Arc;
use syncline_core::{LogicalType, Result};

use super::texts::{entry, own};
use super::{Call, Entry, coerced};
use crate::kernels::country::Country;
use crate::kernels::lookup::Lookup;
use crate::kernels::mask::Mask;
use crate::kernels::phone::Phone;
use crate::layout::layout;
use crate::lower::{Kind, Lowering, Value};
use crate::parse::did_you_mean;

#[rustfmt::skip]
pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("md5", &[], "md5(text or bytes) → text", "MD5 in lower-case hexadecimal.", "md5('abc')", "900150983cd24fb0d6963f7d28e17f72", own(1, 1, md5)),
        entry("sha224", &[], "sha224(text or bytes) → text", "SHA-224 in lower-case hexadecimal.", "left(sha224('abc'), 8)", "23097d22", own(1, 1, |l, c| sha(l, c, crypto::sha224()))),
        entry("sha256", &[], "sha256(text or bytes) → text", "SHA-256 in lower-case hexadecimal.", "left(sha256('abc'), 8)", "ba7816bf", own(1, 1, |l, c| sha(l, c, crypto::sha256()))),
        entry("sha384", &[], "sha384(text or bytes) → text", "SHA-384 in lower-case hexadecimal.", "left(sha384('abc'), 8)", "cb00753f", own(1, 1, |l, c| sha(l, c, crypto::sha384()))),
        entry("sha512", &[], "sha512(text or bytes) → text", "SHA-512 in lower-case hexadecimal.", "left(sha512('abc'), 8)", "ddaf35a1", own(1, 1, |l, c| sha(l, c, crypto::sha512()))),
        entry("mask", &[], "mask(text) → text", "Asterisks instead of content: 4, 8, 16, 32 or 64, the next number at or above the length (64 above that).", "mask('alice')", "********", own(1, 1, mask)),
        entry("phone", &[], "phone(text [, country]) → text", "A telephone number in E.164 form. Without + or 00 it needs a country (code or name); NULL when it is not certain.", "phone('030 123456', 'DE')", "+4930123456", own(1, 2, phone)),
        entry("country", &[], "country(text) → text", "The ISO 3166 two-letter code of an English name, a two- or a three-letter code; NULL when unknown.", "country('Germany')", "DE", own(1, 1, country)),
        entry("lookup", &[], "lookup('table', key) → text", "The value of a key in a lookup table; NULL when the key is not in it.", "lookup('example', 'key')", "value", own(2, 2, lookup)),
    ]
}

fn hashable(lowering: &Lowering, call: &mut Call) -> Result<(Expr, DataType)> {
    match call.known(0)? {
        ty @ (LogicalType::Text | LogicalType::Bytes) => Ok((call.args[0].expr.clone(), layout(&ty))),
        _ => {
            let error = call.wrong(lowering, 0, "text or bytes");
            Err(error.help(format!("write {}(cast(… as text))", call.name)))
        }
    }
}

fn md5(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let input = hashable(lowering, &mut call)?;
    call.datafusion(crypto::md5(), vec![input], LogicalType::Text)
}

fn sha(lowering: &mut Lowering, mut call: Call, udf: Arc<datafusion_expr::ScalarUDF>) -> Result<Value> {
    let digest = coerced(&udf, vec![hashable(lowering, &mut call)?])?;
    let args = vec![(digest, DataType::Binary), (lit("hex"), DataType::Utf8)];
    call.datafusion(encoding::encode(), args, LogicalType::Text)
}

fn mask(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let text = call.take(lowering, 0, &LogicalType::Text)?;
    Ok(call.own(Mask, LogicalType::Text, vec![text]))
}

fn phone(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = (0..call.args.len())
        .map(|i| call.take(lowering, i, &LogicalType::Text))
        .collect::<Result<Vec<_>>>()?;
    Ok(call.own(Phone, LogicalType::Text, args))
}

fn country(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let text = call.take(lowering, 0, &LogicalType::Text)?;
    Ok(call.own(Country, LogicalType::Text, vec![text]))
}

/// The key may have any type; its text is looked up.
fn lookup(lowering: &mut Lowering, call: Call) -> Result<Value> {
    let table = match &call.args[0].kind {
        Kind::Open(Some(table)) => table.clone(),
        _ => {
            let error = lowering.fail(call.at, "the table of lookup is a name in quotes");
            return Err(error.help("write lookup('table', key)"));
        }
    };
    let tables = lowering.lookups.clone();
    if !tables.contains_key(&table) {
        let error = lowering.fail(call.at, format!("there is no lookup table '{table}'"));
        let names = || tables.keys().map(String::as_str);
        return Err(match did_you_mean(&table, names()) {
            Some(meant) => error.help(format!("did you mean '{meant}'?")),
            None if tables.is_empty() => error.help("define lookup tables in the configuration first"),
            None => error.help(format!("the lookup tables are: {}", names().collect::<Vec<_>>().join(", "))),
        });
    }
    let key = lowering.explicit(call.args[1].clone(), &LogicalType::Text, false, call.at)?;
    Ok(call.own(Lookup { table, tables }, LogicalType::Text, vec![key.expr]))
}
