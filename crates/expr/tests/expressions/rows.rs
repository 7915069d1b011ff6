use super::*;
use arrow::array::{AsArray, Int32Array, StringArray};
use syncline_core::ErrorKind;

/// The values and the faulty rows with their messages.
fn all(sql: &str) -> (Vec<String>, Vec<(usize, String)>) {
    let expression = compile(sql);
    let evaluated = expression.evaluate(&batch()).unwrap();
    let values = shown(&expression, &evaluated);
    (values, evaluated.errors.into_iter().map(|f| (f.row, f.message)).collect())
}

#[test]
fn a_cast_that_fails_faults_its_row_only() {
    let (values, faults) = all("cast(number_text as int)");
    assert_eq!(values, ["42", "NULL", "NULL", "7"]);
    assert_eq!(faults, [(1, "'abc' is not a valid integer".to_string())]);
}

#[test]
fn division_by_zero_faults_its_row_only() {
    let (values, faults) = all("100 / big");
    assert_eq!(values, ["0", "10", "NULL", "NULL"]);
    assert_eq!(faults, [(3, "division by zero".to_string())]);
    let (_, faults) = all("ratio / (id - 2)");
    assert_eq!(faults, [(1, "division by zero".to_string())]);
    let (_, faults) = all("mrr % (id - 1)");
    assert_eq!(faults, [(0, "division by zero".to_string())]);
}

#[test]
fn overflow_faults_its_row_instead_of_wrapping() {
    let (values, faults) = all("big + 1");
    assert_eq!(values, ["NULL", "11", "NULL", "1"]);
    assert_eq!(faults, [(0, "the result is out of range for bigint".to_string())]);
    let (_, faults) = all("small * small");
    assert_eq!(faults, [(3, "the result is out of range for smallint".to_string())]);
    let (_, faults) = all("cast(big as int)");
    assert_eq!(faults, [(0, "9223372036854775807 is out of range for integer".to_string())]);
}

#[test]
fn a_bare_numeric_column_passes_through_with_nan() {
    for sql in ["amount", "(amount)", "AMOUNT", "\"amount\""] {
        let expression = compile(sql);
        assert_eq!(expression.as_column(), Some("amount"));
        assert_eq!(*expression.ty(), LogicalType::Numeric(None));
        let batch = batch();
        let evaluated = expression.evaluate(&batch).unwrap();
        assert_eq!(shown(&expression, &evaluated), ["1.10", "NaN", "NULL", "100"]);
        assert_eq!(evaluated.errors, vec![]);
        let same = batch.column_by_name("amount").unwrap();
        assert!(Arc::ptr_eq(&evaluated.array, same), "the very same array");
    }
    assert_eq!(*compile("mrr").ty(), LogicalType::Numeric(Some((12, 2))));
    assert_eq!(compile("mrr + 0").as_column(), None);
}

#[test]
fn a_numeric_that_cannot_be_computed_with_faults_its_row_and_names_the_column() {
    let (values, faults) = all("amount + 1");
    assert_eq!(values, ["2.1", "NULL", "NULL", "101"]);
    assert_eq!(faults, [(1, "column 'amount': NaN is not a number to compute with".to_string())]);

    let field = LogicalType::Numeric(Some((5, 2))).field("n", true);
    let schema = Arc::new(Schema::new(vec![field]));
    let compiler = Compiler::new(schema.clone(), lookups()).unwrap();
    let values: ArrayRef =
        Arc::new(StringArray::from(vec!["999.99", "1000.00", "1.005", "Infinity", "junk", "1.5000"]));
    let batch = RecordBatch::try_new(schema, vec![values]).unwrap();
    let evaluated = compiler.compile("n * 2").unwrap().evaluate(&batch).unwrap();
    let rows: Vec<usize> = evaluated.errors.iter().map(|f| f.row).collect();
    assert_eq!(rows, [1, 2, 3, 4]);
    assert!(evaluated.errors.iter().all(|f| f.message.contains("column 'n'")));
    assert_eq!(evaluated.array.as_string::<i32>().value(5), "3.00");
}

#[test]
fn dates_without_fields_fault_their_row() {
    let (values, faults) = all("extract(year from born)");
    assert_eq!(values, ["1990", "2024", "NULL", "NULL"]);
    assert_eq!(faults, [(3, "infinity is not a date to compute with".to_string())]);
    let (_, faults) = all("to_char(seen, 'YYYY')");
    assert_eq!(faults, [(3, "infinity cannot be formatted".to_string())]);
    let (_, faults) = all("convert_from(raw, 'UTF8')");
    assert_eq!(faults.iter().map(|f| f.0).collect::<Vec<_>>(), [3]);
}

#[test]
fn case_and_coalesce_do_not_compute_what_is_not_asked_for() {
    let (values, faults) = all("case when big <> 0 then 100 / big end");
    assert_eq!(values, ["0", "10", "NULL", "NULL"]);
    assert_eq!(faults, []);
    let (values, faults) = all("coalesce(small, 1 / (id - 1))");
    assert_eq!(values, ["7", "-7", "0", "32767"]);
    assert_eq!(faults, []);
    let (values, faults) = all("big = 0 or 100 / big > 5");
    assert_eq!(values, ["false", "true", "NULL", "true"]);
    assert_eq!(faults, []);
}

#[test]
fn every_fault_in_a_large_batch_is_found() {
    let texts: Vec<String> =
        (0..5_000).map(|i| if i % 617 == 3 { format!("x{i}") } else { i.to_string() }).collect();
    let schema = Arc::new(Schema::new(vec![LogicalType::Text.field("t", true)]));
    let compiler = Compiler::new(schema.clone(), lookups()).unwrap();
    let array: ArrayRef = Arc::new(StringArray::from(texts));
    let batch = RecordBatch::try_new(schema, vec![array]).unwrap();
    let evaluated = compiler.compile("cast(t as int) + 1").unwrap().evaluate(&batch).unwrap();
    let found: Vec<usize> = evaluated.errors.iter().map(|f| f.row).collect();
    let expected: Vec<usize> = (0..5_000).filter(|i| i % 617 == 3).collect();
    assert_eq!(found, expected);
    let values = evaluated.array.as_any().downcast_ref::<Int32Array>().unwrap();
    for (i, value) in values.iter().enumerate() {
        assert_eq!(value, (i % 617 != 3).then_some(i as i32 + 1));
    }
}

#[test]
fn the_columns_read_are_known_and_a_projection_is_enough() {
    let expression = compile("concat_ws(' ', \"FirstName\", email, id)");
    assert_eq!(expression.columns(), ["id", "email", "FirstName"]);
    let batch = batch();
    let projected = batch.project(&[7, 0, 6]).unwrap();
    let whole = expression.evaluate(&batch).unwrap();
    assert_eq!(expression.evaluate(&projected).unwrap().array.as_ref(), whole.array.as_ref());
    let error = expression.evaluate(&batch.project(&[0]).unwrap()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::SchemaChanged);
    assert!(error.message.contains("'email'"), "{error}");
}

#[test]
fn constants_fill_every_row_and_empty_batches_stay_empty() {
    let (values, _) = all("upper('x')");
    assert_eq!(values, ["X"; 4]);
    let expression = compile("mrr * 2");
    let evaluated = expression.evaluate(&batch().slice(0, 0)).unwrap();
    assert_eq!((evaluated.array.len(), evaluated.errors.len()), (0, 0));
    assert_eq!(*evaluated.array.data_type(), expression.ty().arrow());
}

#[test]
fn a_compiled_expression_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&compile("lower(email)"));
    shared(&compiler());
}

#[test]
fn a_list_whose_items_carry_no_tag_is_read_all_the_same() {
    use arrow::array::ListArray;
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{DataType, Field};
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let list = ListArray::new(item.clone(), OffsetBuffer::new(vec![0, 2].into()), values, None);
    let schema = Arc::new(Schema::new(vec![Field::new("tags", DataType::List(item), true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(list)]).unwrap();
    let expression = Compiler::new(schema, lookups()).unwrap().compile("array_to_string(tags, '+')").unwrap();
    assert_eq!(shown(&expression, &expression.evaluate(&batch).unwrap()), ["a+b"]);
}
