//! Functions on doubles that fail where PostgreSQL fails instead of giving NaN or infinity; and the limit
//! on lengths that an expression may ask for.

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::{try_binary, try_unary};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::error::ArrowError;
use std::sync::Arc;

use crate::kernel::Kernel;

/// Most characters that `repeat`, `lpad` and `rpad` may make of one value, by repetition or padding.
pub(crate) const LENGTH_MAX: i64 = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Math {
    SquareRoot,
    Exponential,
    NaturalLogarithm,
    DecimalLogarithm,
    Power,
}

impl Kernel for Math {
    fn name(&self) -> &'static str {
        match self {
            Math::SquareRoot => "sqrt",
            Math::Exponential => "exp",
            Math::NaturalLogarithm => "ln",
            Math::DecimalLogarithm => "log",
            Math::Power => "power",
        }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let a = args[0].as_primitive::<Float64Type>();
        let fail = || ArrowError::ComputeError(String::new());
        let checked = |result: f64, finite: bool| {
            if finite && !result.is_finite() { Err(fail()) } else { Ok(result) }
        };
        let one = |f: fn(f64) -> f64| try_unary(a, |v| checked(f(v), v.is_finite()));
        let result: Result<PrimitiveArray<Float64Type>, ArrowError> = match self {
            Math::SquareRoot => one(f64::sqrt),
            Math::Exponential => one(f64::exp),
            Math::NaturalLogarithm => one(f64::ln),
            Math::DecimalLogarithm => one(f64::log10),
            Math::Power => try_binary(a, args[1].as_primitive::<Float64Type>(), |a, b| {
                checked(a.powf(b), a.is_finite() && b.is_finite())
            }),
        };
        Ok(Arc::new(result.map_err(|_| format!("{} has no value for this number", self.name()))?))
    }
}

/// Passes a count on if it is at most [`LENGTH_MAX`]. Less than nothing is nothing, as in PostgreSQL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Limited;

impl Kernel for Limited {
    fn name(&self) -> &'static str {
        "limited"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let counts = args[0].as_primitive::<Int64Type>();
        if let Some(count) = counts.iter().flatten().find(|v| *v > LENGTH_MAX) {
            return Err(format!("the length {count} is larger than {LENGTH_MAX}"));
        }
        let counts: PrimitiveArray<Int64Type> = counts.unary(|v| v.max(0));
        Ok(Arc::new(counts))
    }
}
