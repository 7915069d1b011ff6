//! G15: tables of random types with random values, through every way and back.

use syncline_tests::databases::Database;
use syncline_tests::seeded::{Choices, seed};

use crate::round_trip::{Column, RoundTrip, WAYS};
use crate::values::{TYPES, quoted};

/// Tables per way.
const TABLES: u64 = 1;
const ROWS: u64 = 60;

#[test]
fn random_tables_survive_every_way() {
    for way in WAYS {
        for table in 0..TABLES {
            let context = format!("SYNCLINE_SEED={}, table {table}", seed());
            let mut choices = Choices::of(&format!("{way:?}/{table}"), seed());
            let types: Vec<usize> =
                (0..3 + choices.below(8)).map(|_| choices.below(TYPES.len() as u64) as usize).collect();
            let columns: Vec<Column> = types
                .iter()
                .enumerate()
                .map(|(i, ty)| (format!("c{i}"), TYPES[*ty].0, TYPES[*ty].1))
                .collect();
            let trip = RoundTrip::new(way, columns);
            for id in 0..ROWS {
                let values: Vec<String> = types.iter().map(|ty| literal(TYPES[*ty], &mut choices)).collect();
                trip.source.execute(&format!("insert into item values ({id}, {})", values.join(", ")));
            }
            let refused = trip.prove(&context);
            let may_be = ["timestamp", "timestamptz", "real", "double precision"];
            assert!(refused.iter().all(|ty| may_be.contains(ty)), "{context}: {refused:?}");
        }
    }
}

/// NULL, an edge, or any value of a type.
fn literal((ty, canonical, edges): (&str, &str, &[&str]), choices: &mut Choices) -> String {
    match choices.below(10) {
        0 => "null".to_string(),
        1..=4 => format!("{}::{ty}", quoted(edges[choices.below(edges.len() as u64) as usize])),
        _ => match canonical.strip_suffix("[]") {
            Some(item) => {
                let items: Vec<String> = (0..choices.below(4)).map(|_| value(item, choices)).collect();
                format!("array[{}]::{ty}", items.join(", "))
            }
            None => format!("({})::{ty}", value(canonical, choices)),
        },
    }
}

/// An expression of PostgreSQL that gives a value of a canonical type.
fn value(canonical: &str, choices: &mut Choices) -> String {
    let number = choices.number();
    let micros = (number % 200_000_000_000_000_000) as i64 - 60_000_000_000_000_000;
    let instant = format!("(timestamp '2000-01-01' + interval '1 microsecond' * {micros})");
    match canonical {
        "bool" => (number & 1 == 1).to_string(),
        "int16" => (number as i16).max(-32_767).to_string(),
        "int32" => (number as i32).max(-2_147_483_647).to_string(),
        "int64" => (number as i64).max(-i64::MAX).to_string(),
        "float32" => {
            let float = f32::from_bits(number as u32);
            quoted(&if float.is_finite() { float.to_string() } else { "NaN".to_string() })
        }
        "float64" => {
            let float = f64::from_bits(number);
            quoted(&if float.is_finite() { float.to_string() } else { "NaN".to_string() })
        }
        "numeric" => {
            let scale = choices.below(30);
            format!("({}::numeric * 10 ^ (-{scale})::numeric)", number as i64 >> choices.below(60))
        }
        "numeric(38,10)" => format!("{}.{:010}", number >> 2, choices.below(10_000_000_000)),
        "text" => quoted(&text(choices)),
        "bytes" => format!("'\\x{number:016x}'"),
        "uuid" => format!("'{:032x}'::uuid", u128::from(number) << 64 | u128::from(choices.number())),
        "date" => format!("{instant}::date"),
        "time" => format!("(time '00:00' + interval '1 microsecond' * {})", number % 86_400_000_000),
        "timestamp" => instant,
        "timestamptz" => format!("({instant} at time zone 'UTC')"),
        "interval" => format!(
            "make_interval(months => {}, days => {}, secs => {}.{:06})",
            number as i16,
            (number >> 16) as i16,
            (number >> 32) as i16,
            choices.below(1_000_000)
        ),
        "json" => format!(
            "json_build_object({}, json_build_array({}, null, true), {}, {})",
            quoted(&format!("a{}", text(choices))),
            number >> 1,
            quoted(&format!("b{}", text(choices))),
            quoted(&text(choices))
        ),
        other => panic!("no random value of {other}"),
    }
}

/// Up to twelve characters, many of them such that formats give them a meaning.
fn text(choices: &mut Choices) -> String {
    const SPECIAL: [char; 16] =
        ['"', '\'', '\\', ',', ';', '\n', '\r', '\t', ' ', '{', '}', '%', '\u{1}', 'é', '🦀', '\u{2028}'];
    let character = |choices: &mut Choices| match choices.below(3) {
        0 => SPECIAL[choices.below(SPECIAL.len() as u64) as usize],
        1 => char::from(b'0' + choices.below(75) as u8),
        _ => char::from_u32(1 + choices.below(0xd7fe) as u32).unwrap_or('x'),
    };
    // A column of twenty characters takes them all.
    (0..choices.below(13)).map(|_| character(choices)).collect()
}
