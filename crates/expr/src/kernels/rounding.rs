//! `round, trunc, ceil, floor, abs, sign`, exact on decimals.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{Decimal256Type, Float64Type, Int32Type, i256};
use std::sync::Arc;
use syncline_core::LogicalType;

use super::cast::{decimals, fits};
use crate::decimal;
use crate::kernel::Kernel;
use crate::layout::{scale_of, sql_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Round,
    Truncate,
    Ceiling,
    Floor,
    Absolute,
    Sign,
}

/// A decimal (with the number of decimal places as an optional second argument) or a double. A result
/// whose declared scale is smaller than the argument's is brought to it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rounding {
    pub way: Way,
    pub of: LogicalType,
    pub result: LogicalType,
}

impl Kernel for Rounding {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Round => "round",
            Way::Truncate => "trunc",
            Way::Ceiling => "ceil",
            Way::Floor => "floor",
            Way::Absolute => "abs",
            Way::Sign => "sign",
        }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        if self.of == LogicalType::Float64 {
            let values = args[0].as_primitive::<Float64Type>();
            let rounded: PrimitiveArray<Float64Type> = values.unary(|v| double(v, self.way));
            return Ok(Arc::new(rounded));
        }
        let values = args[0].as_primitive::<Decimal256Type>();
        let places = args.get(1).map(|a| a.as_primitive::<Int32Type>());
        let (from, to) = (scale_of(&self.of), scale_of(&self.result));
        let mut out = decimals(&self.result);
        for row in 0..values.len() {
            if values.is_null(row) || places.is_some_and(|p| p.is_null(row)) {
                out.append_null();
                continue;
            }
            let places = places.map_or(0, |p| p.value(row));
            let result = exact(values.value(row), from, places, self.way)
                .and_then(|v| decimal::rescale(v, from, to))
                .and_then(|v| fits(v, &self.result));
            let out_of_range = || format!("the result is out of range for {}", sql_name(&self.result));
            out.append_value(result.ok_or_else(out_of_range)?);
        }
        Ok(Arc::new(out.finish()))
    }
}

/// PostgreSQL rounds doubles half to even.
fn double(v: f64, way: Way) -> f64 {
    match way {
        Way::Round => v.round_ties_even(),
        Way::Truncate => v.trunc(),
        Way::Ceiling => v.ceil(),
        Way::Floor => v.floor(),
        Way::Absolute => v.abs(),
        Way::Sign if v == 0.0 || v.is_nan() => v,
        Way::Sign => v.signum(),
    }
}

/// The rounded value at the same scale.
fn exact(v: i256, scale: usize, places: i32, way: Way) -> Option<i256> {
    match way {
        Way::Absolute => return v.checked_abs(),
        Way::Sign => return decimal::rescale(i256::from_i128(sign(v)), 0, scale),
        _ => {}
    }
    let dropped = i64::try_from(scale).ok()? - i64::from(places);
    if dropped <= 0 {
        return Some(v);
    }
    // Rounding away more digits than any value has leaves nothing.
    let Some(unit) = usize::try_from(dropped).ok().and_then(decimal::power_of_ten) else {
        return Some(i256::ZERO);
    };
    let whole = v.checked_div(unit)?;
    let exact = v.checked_rem(unit)? == i256::ZERO;
    let units = match way {
        Way::Round => decimal::divide_rounded(v, unit)?,
        Way::Ceiling if !exact && !v.is_negative() => whole.checked_add(i256::ONE)?,
        Way::Floor if !exact && v.is_negative() => whole.checked_sub(i256::ONE)?,
        _ => whole,
    };
    units.checked_mul(unit)
}

fn sign(v: i256) -> i128 {
    match v {
        i256::ZERO => 0,
        v if v.is_negative() => -1,
        _ => 1,
    }
}
