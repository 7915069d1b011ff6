use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::testing::{at, cron, every};

const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "UTC",
];

fn fires(expression: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let zoned =
        |fire: Timestamp| fire.to_zoned(TimeZone::get(zone).unwrap()).strftime("%F %T %:z").to_string();
    next_fires(&cron(expression, zone), at(from), 1, count).into_iter().map(zoned).collect()
}

#[test]
fn a_time_that_a_zone_skips_fires_once_at_the_shift() {
    let days = ["2025-03-29 02:30:00 +01:00", "2025-03-30 03:00:00 +02:00", "2025-03-31 02:30:00 +02:00"];
    assert_eq!(fires("30 2 * * *", "Europe/Berlin", "2025-03-28T12:00:00Z", 3), days);
    // The skipped quarters and the one at three o'clock are one fire.
    assert_eq!(
        fires("*/15 2,3 30 3 *", "Europe/Berlin", "2025-03-30T00:00:00Z", 2),
        ["2025-03-30 03:00:00 +02:00", "2025-03-30 03:15:00 +02:00"]
    );
    // Half an hour only.
    assert_eq!(
        fires("15 2 * * *", "Australia/Lord_Howe", "2025-10-04T00:00:00Z", 2),
        ["2025-10-05 02:30:00 +11:00", "2025-10-06 02:15:00 +11:00"]
    );
    // Midnight itself.
    assert_eq!(
        fires("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", 2),
        ["2018-11-04 01:00:00 -02:00", "2018-11-05 00:00:00 -02:00"]
    );
    // A whole day.
    assert_eq!(
        fires("0 9 * * *", "Pacific/Apia", "2011-12-29T08:00:00Z", 3),
        ["2011-12-29 09:00:00 -10:00", "2011-12-31 00:00:00 +14:00", "2011-12-31 09:00:00 +14:00"]
    );
}

#[test]
fn a_time_that_occurs_twice_fires_the_first_time() {
    assert_eq!(
        fires("30 2 * * *", "Europe/Berlin", "2025-10-25T12:00:00Z", 2),
        ["2025-10-26 02:30:00 +02:00", "2025-10-27 02:30:00 +01:00"]
    );
    // Between the two the next is that of the next day.
    assert_eq!(
        fires("30 2 * * *", "Europe/Berlin", "2025-10-26T00:45:00Z", 1),
        ["2025-10-27 02:30:00 +01:00"]
    );
}

#[test]
fn what_never_fires_by_itself_or_cannot_be_read_is_not_due() {
    let after = When::After(syncline_core::SyncId::new("crm", "company"));
    assert_eq!(next_fire(&crate::testing::schedule(after), at("2026-01-01T00:00:00Z"), 1), None);
    assert_eq!(next_fire(&cron("0 0 30 2 *", "UTC"), at("2026-01-01T00:00:00Z"), 1), None);
    assert_eq!(next_fire(&every(3_600), Timestamp::MAX, 1), None);
}

#[test]
fn after_a_day_of_downtime_one_run_makes_up_for_all() {
    let (previous, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:07:00Z"));
    let due = catch_up(&every(900), previous, now, 1).unwrap();
    assert_eq!(due, Due { fire_at: at("2026-01-01T00:15:00Z"), missed: 95 });
    // The interval keeps counting from where it was.
    assert_eq!(fire_after(&every(900), due.fire_at, now, 1), Some(at("2026-01-02T00:15:00Z")));
    let hourly = cron("0 * * * *", "UTC");
    let due = catch_up(&hourly, previous, now, 1).unwrap();
    assert_eq!(due, Due { fire_at: at("2026-01-01T01:00:00Z"), missed: 23 });
    assert_eq!(fire_after(&hourly, due.fire_at, now, 1), Some(at("2026-01-02T01:00:00Z")));
    let minutely = catch_up(&cron("* * * * *", "UTC"), previous, at("2027-01-01T00:00:00Z"), 1).unwrap();
    assert_eq!(minutely.missed, MISSED_COUNTED_MAX);
    assert_eq!(catch_up(&every(900), previous, previous, 1).unwrap().missed, 0);
}

/// A cron field read the plain way: whether a value is one of those it names.
fn names(field: &str, value: u32, min: u32, max: u32) -> bool {
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').map_or((item, 1), |(r, s)| (r, s.parse().unwrap()));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().unwrap(), to.parse().unwrap()),
            None if range == "*" => (min, max),
            None => {
                let from = range.parse().unwrap();
                (from, if item.contains('/') { max } else { from })
            }
        };
        (from..=to).contains(&value) && (value - from).is_multiple_of(step)
    })
}

fn matches(fields: &[String], time: DateTime) -> bool {
    let weekday = time.weekday().to_sunday_zero_offset() as u32;
    let day = names(&fields[2], time.day() as u32, 1, 31);
    let of_week = names(&fields[4], weekday, 0, 7) || weekday == 0 && names(&fields[4], 7, 0, 7);
    let either = !fields[2].starts_with('*') && !fields[4].starts_with('*');
    names(&fields[0], time.minute() as u32, 0, 59)
        && names(&fields[1], time.hour() as u32, 0, 23)
        && names(&fields[3], time.month() as u32, 1, 12)
        && if either { day || of_week } else { day && of_week }
}

/// The fires of a period, found by looking at each of its minutes.
fn reference(fields: &[String], zone: &TimeZone, from: Timestamp, minutes: u64) -> Vec<Timestamp> {
    // Looking back far enough to know which times come a second time.
    let start = from - 30.hours();
    let mut latest = zone.to_datetime(start);
    let mut fires = Vec::new();
    for moment in (1..=minutes + 30 * 60).map(|minute| start + SignedDuration::from_mins(minute as i64)) {
        let local = zone.to_datetime(moment);
        let mut fired = false;
        while latest < local {
            latest += 1.minute();
            fired |= matches(fields, latest);
        }
        if fired && moment > from {
            fires.push(moment);
        }
    }
    fires
}

fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    let number = (min..=max).prop_map(|n| n.to_string());
    let range = (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let stepped = (range.clone(), 1u32..12).prop_map(|(range, step)| format!("{range}/{step}"));
    let open = (min..=max, 1u32..30).prop_map(|(from, step)| format!("{from}/{step}"));
    let star = (1u32..15).prop_map(|step| format!("*/{step}"));
    let item = prop_oneof![number.clone(), number, range, stepped, open];
    let list = prop::collection::vec(item, 1..4).prop_map(|items| items.join(","));
    prop_oneof![3 => Just("*".to_string()), 1 => star, 4 => list]
}

fn expression() -> impl Strategy<Value = Vec<String>> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
        .prop_map(|(minute, hour, day, month, weekday)| vec![minute, hour, day, month, weekday])
}

/// Moments near which something is unusual, and some that are not.
fn moment() -> impl Strategy<Value = (&'static str, Timestamp)> {
    (select(&ZONES[..]), 0i64..40 * 365, 0i64..48 * 60, any::<bool>()).prop_map(
        |(zone, day, minute, shift)| {
            let day = date(1985, 1, 1).to_zoned(TimeZone::UTC).unwrap().timestamp()
                + SignedDuration::from_hours(day * 24);
            let tz = TimeZone::get(zone).unwrap();
            let near = tz.following(day).next().filter(|_| shift).map_or(day, |shift| shift.timestamp());
            let whole_minutes = near.as_second() / 60 - minute;
            (zone, Timestamp::from_second(whole_minutes * 60).unwrap())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// [G20]
    #[test]
    fn fires_are_those_that_looking_at_every_minute_finds(fields in expression(), (zone, from) in moment()) {
        const MINUTES: u64 = 4 * 24 * 60;
        let text = fields.join(" ");
        prop_assume!(Cron::parse(&text).is_ok());
        let until = from + SignedDuration::from_mins(MINUTES as i64);
        let schedule = cron(&text, zone);
        let next = |after: &Timestamp| next_fire(&schedule, *after, 1);
        let found: Vec<Timestamp> =
            std::iter::successors(next(&from), next).take_while(|fire| *fire <= until).collect();
        let expected = reference(&fields, &TimeZone::get(zone).unwrap(), from, MINUTES);
        prop_assert_eq!(found, expected, "'{}' in {} from {}", text, zone, from);
    }

    #[test]
    fn where_clocks_do_not_shift_another_reader_of_cron_agrees(fields in expression(), day in 0i64..20_000) {
        // It takes a field with a star for one that says something.
        let steps = |field: &String| field.starts_with("*/");
        prop_assume!(!steps(&fields[2]) && !steps(&fields[4]));
        let text = fields.join(" ");
        prop_assume!(Cron::parse(&text).is_ok());
        let parser = croner::parser::CronParser::builder().sloppy_ranges(true).build();
        let other = parser.parse(&text).unwrap();
        let from = Timestamp::from_second(day * 86_400).unwrap();
        let schedule = cron(&text, "UTC");
        let found = next_fires(&schedule, from, 1, 40);
        let expected: Vec<Timestamp> =
            other.iter_after(from.to_zoned(TimeZone::UTC)).take(40).map(|fire| fire.timestamp()).collect();
        prop_assert_eq!(found, expected, "{}", text);
    }

    /// [G20]
    #[test]
    fn jitter_delays_each_fire_and_neither_skips_nor_doubles_one(
        fields in expression(), (zone, from) in moment(), jitter in 0u64..200_000, seed: u64,
    ) {
        let text = fields.join(" ");
        prop_assume!(Cron::parse(&text).is_ok());
        let plain = cron(&text, zone);
        let jittered = Schedule { jitter: Duration::from_secs(jitter), ..plain.clone() };
        let from = next_fire(&plain, from, seed).unwrap();
        let planned = next_fires(&plain, from, seed, 9);
        // The fire that `from` was planned as may come before the next one.
        let delayed = next_fires(&jittered, from, seed, 9);
        let own = usize::from(delayed[0] < planned[0]);
        for (n, fire) in delayed.iter().enumerate().skip(own) {
            let plan = planned[n - own];
            prop_assert!(*fire >= plan && fire.duration_since(plan) <= SignedDuration::from_secs(jitter as i64));
            prop_assert!(planned.get(n - own + 1).is_none_or(|next| fire < next));
        }
        // Whatever moment it is asked at, the answer is the same.
        let middle = delayed[3] - SignedDuration::from_micros(1);
        prop_assert_eq!(next_fire(&jittered, middle, seed), Some(delayed[3]));
        prop_assert_eq!(next_fire(&jittered, delayed[3], seed), Some(delayed[4]));
    }

    #[test]
    fn an_interval_counts_from_the_planned_time(
        seconds in 1u64..100_000, jitter in 0u64..100_000, seed: u64, late in 0i64..1_000_000_000,
    ) {
        let schedule = Schedule { jitter: Duration::from_secs(jitter), ..every(seconds) };
        let previous = at("2026-01-01T00:00:00Z");
        let now = previous + SignedDuration::from_millis(late);
        let first = next_fire(&schedule, previous, seed).unwrap();
        let delay = first.duration_since(previous) - SignedDuration::from_secs(seconds as i64);
        let limit = SignedDuration::from_secs(jitter.min(seconds) as i64);
        prop_assert!(delay >= SignedDuration::ZERO && (delay < limit || delay.is_zero()));
        let after = fire_after(&schedule, previous, now, seed).unwrap();
        prop_assert!(after > now);
        prop_assert!(after.duration_since(now) < SignedDuration::from_secs((seconds + jitter.min(seconds)) as i64 + 1));
        let due = catch_up(&schedule, previous, now, seed).unwrap();
        prop_assert_eq!(due.fire_at, first);
        if due.missed > 0 && due.missed < MISSED_COUNTED_MAX {
            // One fire less late, there is one less to miss.
            let last = Interval {
                every: Duration::from_secs(seconds),
                from: previous,
                jitter: Jitter { limit: schedule.jitter, seed },
            }
            .fire(due.missed + 1)
            .unwrap();
            prop_assert!(last <= now && last > previous);
            let before = last - SignedDuration::from_micros(1);
            prop_assert_eq!(catch_up(&schedule, previous, before, seed).unwrap().missed, due.missed - 1);
        }
    }
}

#[test]
fn jitter_is_even_over_its_range() {
    let schedule = Schedule { jitter: Duration::from_secs(100), ..every(3_600) };
    let previous = at("2026-01-01T00:00:00Z");
    let mut tenths = [0u32; 10];
    for seed in 0..10_000 {
        let delay = next_fire(&schedule, previous, seed).unwrap().duration_since(previous).as_secs() - 3_600;
        tenths[delay as usize / 10] += 1;
    }
    assert!(tenths.iter().all(|count| (850..1_150).contains(count)), "{tenths:?}");
}

/// What files accept by name means the same as by number.
#[test]
fn names_mean_their_numbers() {
    for (named, numbered) in [
        ("0 6 * * mon-fri", "0 6 * * 1-5"),
        ("0 6 1 jan,JUL *", "0 6 1 1,7 *"),
        ("0 6 * * sun", "0 6 * * 7"),
        ("0 6 * * sat", "0 6 * * 6/9"),
    ] {
        assert_eq!(Cron::parse(named), Cron::parse(numbered));
        assert!(croner::Cron::from_str(named).is_ok());
    }
}
