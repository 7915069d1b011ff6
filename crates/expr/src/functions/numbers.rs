//! Functions on numbers.

use syncline_core::{LogicalType, Result};

use super::texts::{entry, own};
use super::{Call, Entry};
use crate::kernels::arithmetic::Operation;
use crate::kernels::math::Math;
use crate::kernels::rounding::{Rounding, Way};
use crate::layout::{digits, numeric};
use crate::lower::{Kind, Lowering, Value};

#[rustfmt::skip]
pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("abs", &[], "abs(number) → number", "Without its sign.", "abs(-1.5)", "1.5", own(1, 1, |l, c| rounding(l, c, Way::Absolute))),
        entry("sign", &[], "sign(number) → number", "-1, 0 or 1.", "sign(-7)", "-1", own(1, 1, |l, c| rounding(l, c, Way::Sign))),
        entry("round", &[], "round(number [, places]) → number", "Rounded, half away from zero (double precision without places: half to even).", "round(2.345, 2)", "2.35", own(1, 2, |l, c| rounding(l, c, Way::Round))),
        entry("trunc", &[], "trunc(number [, places]) → number", "Cut toward zero.", "trunc(-2.39, 1)", "-2.3", own(1, 2, |l, c| rounding(l, c, Way::Truncate))),
        entry("ceil", &["ceiling"], "ceil(number) → number", "The next whole number upwards.", "ceil(1.2)", "2", own(1, 1, |l, c| rounding(l, c, Way::Ceiling))),
        entry("floor", &[], "floor(number) → number", "The next whole number downwards.", "floor(-1.2)", "-2", own(1, 1, |l, c| rounding(l, c, Way::Floor))),
        entry("mod", &[], "mod(a, b) → number", "The remainder of a division, with the sign of a.", "mod(-7, 3)", "-1", own(2, 2, remainder)),
        entry("power", &["pow"], "power(a, b) → double precision", "a to the power of b; also a ^ b.", "power(2, 10)", "1024", own(2, 2, |l, c| doubles(l, c, Math::Power))),
        entry("sqrt", &[], "sqrt(number) → double precision", "The square root.", "sqrt(2.25)", "1.5", own(1, 1, |l, c| doubles(l, c, Math::SquareRoot))),
        entry("exp", &[], "exp(number) → double precision", "e to the power of a number.", "exp(0)", "1", own(1, 1, |l, c| doubles(l, c, Math::Exponential))),
        entry("ln", &[], "ln(number) → double precision", "The natural logarithm.", "ln(1)", "0", own(1, 1, |l, c| doubles(l, c, Math::NaturalLogarithm))),
        entry("log", &["log10"], "log(number) → double precision", "The logarithm to the base 10.", "log(1000)", "3", own(1, 1, |l, c| doubles(l, c, Math::DecimalLogarithm))),
    ]
}

/// Integers stay integers where nothing is rounded, as do doubles; everything else is decimal.
fn rounding(lowering: &mut Lowering, mut call: Call, way: Way) -> Result<Value> {
    let ty = match &call.args[0].kind {
        Kind::Open(_) => LogicalType::Numeric(None),
        Kind::Known(ty) => ty.clone(),
    };
    if !ty.is_number() {
        return Err(call.wrong(lowering, 0, "a number"));
    }
    let places = match call.args.len() {
        2 => Some(call.take(lowering, 1, &LogicalType::Int32)?),
        _ => None,
    };
    let float = matches!(ty, LogicalType::Float32 | LogicalType::Float64);
    if float && places.is_some() {
        return Err(lowering
            .fail(
                call.at,
                format!(
                    "{} to a number of places is for numeric, not {}",
                    call.name,
                    call.args[0].type_name()
                ),
            )
            .help("write round(cast(… as numeric), 2)"));
    }
    if float {
        let value = call.take(lowering, 0, &LogicalType::Float64)?;
        let kernel = Rounding { way, of: LogicalType::Float64, result: LogicalType::Float64 };
        return Ok(call.own(kernel, LogicalType::Float64, vec![value]));
    }
    let of = crate::lower::as_numeric(&ty);
    let result = match (way, digits(&of), places.is_some()) {
        (Way::Absolute, ..) => of.clone(),
        (_, None, _) => LogicalType::Numeric(None),
        // How many places remain is known only if they are a constant.
        (_, Some((whole, scale)), true) => match &call.constant_integer(1) {
            Some(places) => numeric(whole + 1, (*places).clamp(0, scale)),
            None => numeric(whole + 1, scale),
        },
        (_, Some((whole, _)), false) => numeric(whole + 1, 0),
    };
    let value = lowering.explicit(call.args[0].clone(), &of, false, call.at)?;
    let mut args = vec![value.expr];
    args.extend(places);
    let rounded = call.own(Rounding { way, of, result: result.clone() }, result, args);
    // abs(integer) is an integer, and so is what rounds nothing.
    if ty.is_integer() && way == Way::Absolute {
        return lowering.explicit(rounded, &ty, false, call.at);
    }
    Ok(rounded)
}

fn remainder(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let b = call.args.remove(1);
    let a = call.args.remove(0);
    lowering.arithmetic(a, Operation::Remainder, b, call.at)
}

fn doubles(lowering: &mut Lowering, mut call: Call, math: Math) -> Result<Value> {
    let args = (0..call.args.len())
        .map(|i| call.take(lowering, i, &LogicalType::Float64))
        .collect::<Result<Vec<_>>>()?;
    Ok(call.own(math, LogicalType::Float64, args))
}
