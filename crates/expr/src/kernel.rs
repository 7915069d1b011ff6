//! Our own functions as DataFusion sees them.
//!
//! A [`Kernel`] is a plain function over arrays whose argument types were settled when the expression was
//! compiled. It fails as a whole; which row is at fault is found by evaluating smaller parts of the batch.

use std::fmt;
use std::hash::Hash;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{DataFusionError, Result, ScalarValue};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use syncline_core::LogicalType;

use crate::layout::layout;

pub(crate) trait Kernel: fmt::Debug + Eq + Hash + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Computes as many values as each of `args` has. An error is a sentence about the first bad row.
    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String>;
}

/// The expression that calls `kernel`, whose result is a `ty`. There is at least one argument.
pub(crate) fn call<K: Kernel>(kernel: K, ty: &LogicalType, args: Vec<Expr>) -> Expr {
    let signature = Signature::variadic_any(Volatility::Immutable);
    ScalarUDF::from(Udf { kernel, output: layout(ty), signature }).call(args)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Udf<K> {
    kernel: K,
    output: DataType,
    signature: Signature,
}

impl<K: Kernel> ScalarUDFImpl for Udf<K> {
    fn name(&self) -> &str {
        self.kernel.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|a| a.into_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let result = self.kernel.run(&arrays).map_err(DataFusionError::Execution)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
