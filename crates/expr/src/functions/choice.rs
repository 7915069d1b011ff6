//! Choosing among values.

use datafusion_common::ScalarValue;
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr, Operator};
use syncline_core::Result;

use super::texts::{entry, own};
use super::{Call, Entry};
use crate::layout::layout;
use crate::lower::{Lowering, Value};

#[rustfmt::skip]
pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("coalesce", &["ifnull", "nvl"], "coalesce(value, …) → value", "The first value that is not NULL; later ones are not computed.", "coalesce(NULL, 'x')", "x", own(1, usize::MAX, coalesce)),
        entry("nullif", &[], "nullif(a, b) → a", "NULL when both are equal, else the first.", "nullif('', '')", "NULL", own(2, 2, nullif)),
        entry("greatest", &[], "greatest(value, …) → value", "The largest value; NULLs are left out.", "greatest(1, 2.5, NULL)", "2.5", own(1, usize::MAX, greatest)),
        entry("least", &[], "least(value, …) → value", "The smallest value; NULLs are left out.", "least('b', 'a')", "a", own(1, usize::MAX, least)),
    ]
}

fn unified(lowering: &Lowering, call: &Call) -> Result<(Vec<Value>, syncline_core::LogicalType)> {
    let args = call.args.iter().map(|arg| (arg.clone(), call.at)).collect();
    lowering.unify(args, call.name)
}

/// Written out as CASE, which does not compute what is not needed.
fn coalesce(lowering: &mut Lowering, call: Call) -> Result<Value> {
    let (mut values, ty) = unified(lowering, &call)?;
    let nodes = values.iter().map(|v| 2 * v.nodes).sum::<usize>() + 1;
    let Some(last) = values.pop() else { return Err(call.wrong(lowering, 0, "a value")) };
    if values.is_empty() {
        return Ok(last);
    }
    let whens = values
        .into_iter()
        .map(|v| (Box::new(Expr::IsNotNull(Box::new(v.expr.clone()))), Box::new(v.expr)))
        .collect();
    Ok(Value::new(Expr::Case(Case::new(None, whens, Some(Box::new(last.expr)))), ty, nodes))
}

fn nullif(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let equal = lowering.compare(call.args[0].clone(), Operator::Eq, call.args[1].clone(), call.at)?;
    let ty = match &call.args[0].kind {
        crate::lower::Kind::Known(ty) => ty.clone(),
        // An untyped first argument takes the type of the second.
        crate::lower::Kind::Open(_) => call.known(1)?,
    };
    let first = call.take(lowering, 0, &ty)?;
    let null =
        ScalarValue::try_from(layout(&ty)).map_err(|e| syncline_core::Error::internal(e.to_string()))?;
    let nodes = equal.nodes + call.args[0].nodes + 2;
    let whens = vec![(Box::new(equal.expr), Box::new(Expr::Literal(null, None)))];
    Ok(Value::new(Expr::Case(Case::new(None, whens, Some(Box::new(first)))), ty, nodes))
}

fn greatest(lowering: &mut Lowering, call: Call) -> Result<Value> {
    extreme(lowering, call, datafusion_functions::core::greatest())
}

fn least(lowering: &mut Lowering, call: Call) -> Result<Value> {
    extreme(lowering, call, datafusion_functions::core::least())
}

fn extreme(
    lowering: &Lowering,
    call: Call,
    udf: std::sync::Arc<datafusion_expr::ScalarUDF>,
) -> Result<Value> {
    use syncline_core::LogicalType::{Array, Interval, Json};
    let (values, ty) = unified(lowering, &call)?;
    if matches!(ty, Json | Interval | Array(_)) {
        return Err(call.wrong(lowering, 0, "a value with an order"));
    }
    // DataFusion wants two values at least.
    if let [only] = values.as_slice() {
        return Ok(only.clone());
    }
    let args = values.into_iter().map(|v| (v.expr, layout(&ty))).collect();
    call.datafusion(udf, args, ty)
}
