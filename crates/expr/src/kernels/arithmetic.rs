//! `+ - * / %` on numbers: exact on decimals, and an error instead of a wrapped or infinite result.

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::{try_binary, try_unary};
use arrow::datatypes::{Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, i256};
use arrow::error::ArrowError;
use std::sync::Arc;
use syncline_core::LogicalType;

use super::cast::fits;
use crate::decimal;
use crate::kernel::Kernel;
use crate::layout::{layout, scale_of, sql_name};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Both arguments have the type `of`, except that decimals may differ (`of` and `right`).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Arithmetic {
    pub operation: Operation,
    pub of: LogicalType,
    pub right: LogicalType,
    pub result: LogicalType,
}

const BY_ZERO: &str = "division by zero";

impl Kernel for Arithmetic {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Add => "add",
            Operation::Subtract => "subtract",
            Operation::Multiply => "multiply",
            Operation::Divide => "divide",
            Operation::Remainder => "remainder",
        }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        macro_rules! integers {
            ($ty:ty) => {
                binary::<$ty>(args, |a, b| {
                    let result = match self.operation {
                        Operation::Add => a.checked_add(b),
                        Operation::Subtract => a.checked_sub(b),
                        Operation::Multiply => a.checked_mul(b),
                        Operation::Divide | Operation::Remainder if b == 0 => return Err(BY_ZERO.into()),
                        Operation::Divide => a.checked_div(b),
                        // The smallest integer modulo -1 is 0; only the machine instruction overflows.
                        Operation::Remainder => Some(a.checked_rem(b).unwrap_or(0)),
                    };
                    result.ok_or_else(|| self.out_of_range())
                })
            };
        }
        macro_rules! floats {
            ($ty:ty) => {
                binary::<$ty>(args, |a, b| {
                    let result = match self.operation {
                        Operation::Add => a + b,
                        Operation::Subtract => a - b,
                        Operation::Multiply => a * b,
                        Operation::Divide | Operation::Remainder if b == 0.0 => return Err(BY_ZERO.into()),
                        Operation::Divide => a / b,
                        Operation::Remainder => a % b,
                    };
                    let overflow = result.is_infinite() && a.is_finite() && b.is_finite();
                    if overflow { Err(self.out_of_range()) } else { Ok(result) }
                })
            };
        }
        match &self.of {
            LogicalType::Int16 => integers!(Int16Type),
            LogicalType::Int32 => integers!(Int32Type),
            LogicalType::Int64 => integers!(Int64Type),
            LogicalType::Float32 => floats!(Float32Type),
            LogicalType::Float64 => floats!(Float64Type),
            _ => self.decimals(args),
        }
    }
}

impl Arithmetic {
    fn out_of_range(&self) -> String {
        format!("the result is out of range for {}", sql_name(&self.result))
    }

    fn decimals(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let (left, right, out) = (scale_of(&self.of), scale_of(&self.right), scale_of(&self.result));
        let compute = |a: i256, b: i256| -> Result<i256, String> {
            let result = match self.operation {
                Operation::Add | Operation::Subtract => {
                    decimal::rescale(a, left, out).zip(decimal::rescale(b, right, out)).and_then(|(a, b)| {
                        if self.operation == Operation::Add { a.checked_add(b) } else { a.checked_sub(b) }
                    })
                }
                Operation::Multiply => multiplied(a, b, left + right, out),
                Operation::Divide | Operation::Remainder if b == i256::ZERO => return Err(BY_ZERO.into()),
                Operation::Divide => quotient(a, b, (out + right) as i32 - left as i32),
                Operation::Remainder => decimal::rescale(a, left, out)
                    .zip(decimal::rescale(b, right, out))
                    .and_then(|(a, b)| a.checked_rem(b)),
            };
            result.and_then(|v| fits(v, &self.result)).ok_or_else(|| self.out_of_range())
        };
        let array: ArrayRef = binary::<Decimal256Type>(args, compute)?;
        let array = array.as_primitive::<Decimal256Type>().clone().with_data_type(layout(&self.result));
        Ok(Arc::new(array))
    }
}

/// The product of two scaled integers of together `scale` decimal places, at `out` places.
fn multiplied(a: i256, b: i256, scale: usize, out: usize) -> Option<i256> {
    let product = match a.to_i128().zip(b.to_i128()).and_then(|(a, b)| a.checked_mul(b)) {
        Some(product) => i256::from_i128(product),
        None => a.checked_mul(b)?,
    };
    decimal::rescale(product, scale, out)
}

/// `a * 10^shift / b`, rounded; the shift is what brings the quotient to the wanted scale.
fn quotient(a: i256, b: i256, shift: i32) -> Option<i256> {
    let power = decimal::power_of_ten(shift.unsigned_abs() as usize)?;
    if shift >= 0 {
        return decimal::divide_rounded(a.checked_mul(power)?, b);
    }
    decimal::divide_rounded(a, b.checked_mul(power)?)
}

fn binary<T: ArrowPrimitiveType>(
    args: &[ArrayRef],
    f: impl Fn(T::Native, T::Native) -> Result<T::Native, String>,
) -> Result<ArrayRef, String> {
    let (a, b) = (args[0].as_primitive::<T>(), args[1].as_primitive::<T>());
    let result: PrimitiveArray<T> =
        try_binary(a, b, |a, b| f(a, b).map_err(ArrowError::ComputeError)).map_err(sentence)?;
    Ok(Arc::new(result))
}

/// `-x`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Negate {
    pub of: LogicalType,
}

impl Kernel for Negate {
    fn name(&self) -> &'static str {
        "negate"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        macro_rules! negate {
            ($ty:ty, $f:expr) => {{
                let out_of_range = || format!("the result is out of range for {}", sql_name(&self.of));
                let array = args[0].as_primitive::<$ty>();
                let result: PrimitiveArray<$ty> =
                    try_unary(array, |v| $f(v).ok_or_else(|| ArrowError::ComputeError(out_of_range())))
                        .map_err(sentence)?;
                Ok(Arc::new(result.with_data_type(array.data_type().clone())))
            }};
        }
        use arrow::array::Array;
        match &self.of {
            LogicalType::Int16 => negate!(Int16Type, i16::checked_neg),
            LogicalType::Int32 => negate!(Int32Type, i32::checked_neg),
            LogicalType::Int64 => negate!(Int64Type, i64::checked_neg),
            LogicalType::Float32 => negate!(Float32Type, |v: f32| Some(-v)),
            LogicalType::Float64 => negate!(Float64Type, |v: f64| Some(-v)),
            _ => negate!(Decimal256Type, i256::checked_neg),
        }
    }
}

/// The sentence inside an Arrow error, without Arrow's prefix.
fn sentence(error: ArrowError) -> String {
    match error {
        ArrowError::ComputeError(text) => text,
        other => other.to_string(),
    }
}
