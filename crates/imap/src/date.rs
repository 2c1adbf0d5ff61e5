//! IMAP's two date forms: a day for SEARCH, an instant with a zone for APPEND and INTERNALDATE.
//!
//! The calendar is the proleptic Gregorian one; no time zone database, no clock. Ruled by
//! RFC 3501 §9 (`date`, `date-time`).

use std::fmt;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const DAY: i64 = 86_400;
/// The widest zone taken: `+2359`, as the two digits allow.
const MAX_OFFSET: i32 = 23 * 3600 + 59 * 60;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// `None` if the month hasn't such a day, or the year has more than four digits.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let good = year <= 9999 && (1..=12).contains(&month) && day >= 1;
        (good && day <= days_in(year, month)).then_some(Self { year, month, day })
    }

    /// The day on which an instant falls, in the zone `offset_seconds` east of Greenwich. Instants
    /// out of the years 0 to 9999 give the first or last day there is.
    #[must_use]
    pub fn of(seconds: i64, offset_seconds: i32) -> Self {
        civil(seconds.saturating_add(i64::from(offset_seconds)).div_euclid(DAY))
    }

    /// The month of `Jan` to `Dec`, in any case, from 1.
    #[must_use]
    pub fn month_named(name: &[u8]) -> Option<u8> {
        let place = MONTHS.iter().position(|month| month.as_bytes().eq_ignore_ascii_case(name))?;
        u8::try_from(place + 1).ok()
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> i64 {
        // A year that starts in March has its odd day at the end.
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    fn month_name(self) -> &'static str {
        MONTHS.get(usize::from(self.month) - 1).copied().unwrap_or("Jan")
    }
}

/// `24-Nov-2026`
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:04}", self.day, self.month_name(), self.year)
    }
}

/// An instant, and the zone it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    seconds: i64,
    offset: i32,
}

impl DateTime {
    /// Seconds since 1970, and the zone's seconds east of Greenwich. A zone that has no four-digit
    /// form is taken as Greenwich.
    #[must_use]
    pub const fn new(seconds: i64, offset_seconds: i32) -> Self {
        let good = offset_seconds % 60 == 0 && offset_seconds.abs() <= MAX_OFFSET;
        Self { seconds, offset: if good { offset_seconds } else { 0 } }
    }

    /// The clock's reading in that zone. `None` if there is no such time of day (a leap second is
    /// taken) or the zone is impossible.
    #[must_use]
    pub fn at(date: Date, (hour, minute, second): (u8, u8, u8), offset: i32) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 60 || offset.abs() > MAX_OFFSET || offset % 60 != 0
        {
            return None;
        }
        let time = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(Self { seconds: date.days() * DAY + time - i64::from(offset), offset })
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// The zone's seconds east of Greenwich.
    #[must_use]
    pub const fn offset_seconds(self) -> i32 {
        self.offset
    }
}

/// `24-Nov-2026 19:34:11 +0000`, a one-digit day with a 0 in front (`date-day-fixed`), as Dovecot has it.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = Date::of(self.seconds, self.offset);
        let time = self.seconds.saturating_add(i64::from(self.offset)).rem_euclid(DAY);
        let zone = self.offset.abs() / 60;
        write!(
            f,
            "{:02}-{}-{:04} {:02}:{:02}:{:02} {}{:02}{:02}",
            date.day,
            date.month_name(),
            date.year,
            time / 3600,
            time / 60 % 60,
            time % 60,
            if self.offset < 0 { '-' } else { '+' },
            zone / 60,
            zone % 60,
        )
    }
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// The day that is `days` after 1970-01-01.
fn civil(days: i64) -> Date {
    // Keeps the year within four digits, and the sums below within i64.
    let days = days.clamp(-719_528, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let small = |n: i64| u8::try_from(n).unwrap_or(1);
    Date { year: u16::try_from(year).unwrap_or(0), month: small(month), day: small(day) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        let days = |y, m, d| Date::new(y, m, d).expect("good").days();
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(0, 1, 1), -719_528);
        assert_eq!(days(9999, 12, 31), 2_932_896);
        assert_eq!(Date::new(2100, 2, 29), None);
        assert_eq!(Date::new(2026, 13, 1), None);
        assert_eq!(Date::new(2026, 4, 0), None);
    }

    #[test]
    fn written() {
        let date = Date::new(2026, 11, 4).expect("good");
        assert_eq!(date.to_string(), "4-Nov-2026");
        let time = DateTime::at(date, (1, 2, 3), 5400).expect("good");
        assert_eq!(time.to_string(), "04-Nov-2026 01:02:03 +0130");
        assert_eq!(DateTime::new(1_795_548_096, -18_000).to_string(), "24-Nov-2026 14:21:36 -0500");
        assert_eq!(DateTime::new(i64::MAX, 0).to_string().len(), 26);
        assert_eq!(DateTime::at(date, (24, 0, 0), 0), None);
        assert_eq!(DateTime::at(date, (0, 0, 0), 86_400), None);
    }

    proptest! {
        #[test]
        fn days_there_and_back(days in -719_528_i64..2_932_896) {
            let date = civil(days);
            prop_assert_eq!(date.days(), days);
            prop_assert_eq!(Date::new(date.year, date.month, date.day), Some(date));
            prop_assert!(civil(days + 1) > date);
        }
    }
}
