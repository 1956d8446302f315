//! `strftime_now`: Python's `datetime.now().strftime(format)` in the C locale.

use std::fmt::Write;

const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A local time; the layout is the header's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    pub weekday: i32,
    pub year_day: i32,
    pub utc_offset_seconds: i32,
}

impl Time {
    fn weekday_name(&self) -> &'static str {
        WEEKDAYS[self.weekday.rem_euclid(7) as usize]
    }
    fn month_name(&self) -> &'static str {
        MONTHS[(self.month - 1).rem_euclid(12) as usize]
    }
    fn hour12(&self) -> i32 {
        (self.hour + 11).rem_euclid(12) + 1
    }
    /// Days since the epoch of the proleptic Gregorian calendar's 1970-01-01.
    fn epoch_days(&self) -> i64 {
        let year = i64::from(self.year) - 1;
        let before = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        before - 719_162 + i64::from(self.year_day)
    }
    fn epoch_seconds(&self) -> i64 {
        self.epoch_days() * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
            - i64::from(self.utc_offset_seconds)
    }
    /// ISO 8601 week and its year.
    fn iso_week(&self) -> (i32, i32) {
        let weekday = (self.weekday + 6).rem_euclid(7);
        let week = (self.year_day - weekday + 10).div_euclid(7);
        if week < 1 {
            let last = self.year - 1;
            let days = if is_leap(last) { 366 } else { 365 };
            return (last, (self.year_day + days - weekday + 10).div_euclid(7));
        }
        let days = if is_leap(self.year) { 366 } else { 365 };
        if week == 53 && self.year_day - weekday + 3 >= days {
            return (self.year + 1, 1);
        }
        (self.year, week)
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[derive(Clone, Copy)]
enum Padding {
    Default,
    None,
    Space,
    Zero,
}

fn number(out: &mut String, value: i64, width: usize, standard: char, padding: Padding) {
    let fill = match padding {
        Padding::None => {
            let _ = write!(out, "{value}");
            return;
        }
        Padding::Space => ' ',
        Padding::Zero => '0',
        Padding::Default => standard,
    };
    let _ = match fill {
        ' ' => write!(out, "{value:width$}"),
        _ => write!(out, "{value:0width$}"),
    };
}

/// One directive; unknown ones stay as they are.
fn directive(out: &mut String, code: char, padding: Padding, t: &Time) {
    let mut digits =
        |value: i32, width, standard| number(out, value.into(), width, standard, padding);
    match code {
        'Y' => digits(t.year, 1, '0'),
        'y' => digits(t.year.rem_euclid(100), 2, '0'),
        'C' => digits(t.year.div_euclid(100), 2, '0'),
        'm' => digits(t.month, 2, '0'),
        'd' => digits(t.day, 2, '0'),
        'e' => digits(t.day, 2, ' '),
        'H' => digits(t.hour, 2, '0'),
        'k' => digits(t.hour, 2, ' '),
        'I' => digits(t.hour12(), 2, '0'),
        'l' => digits(t.hour12(), 2, ' '),
        'M' => digits(t.minute, 2, '0'),
        'S' => digits(t.second, 2, '0'),
        'j' => digits(t.year_day + 1, 3, '0'),
        'w' => digits(t.weekday, 1, '0'),
        'u' => digits((t.weekday + 6).rem_euclid(7) + 1, 1, '0'),
        'U' => digits((t.year_day + 7 - t.weekday).div_euclid(7), 2, '0'),
        'W' => {
            digits((t.year_day + 7 - (t.weekday + 6).rem_euclid(7)).div_euclid(7), 2, '0');
        }
        'V' => digits(t.iso_week().1, 2, '0'),
        'G' => digits(t.iso_week().0, 1, '0'),
        'f' => out.push_str("000000"),
        's' => number(out, t.epoch_seconds(), 1, '0', padding),
        'p' => out.push_str(if t.hour < 12 { "AM" } else { "PM" }),
        'P' => out.push_str(if t.hour < 12 { "am" } else { "pm" }),
        'A' => out.push_str(t.weekday_name()),
        'a' => out.push_str(&t.weekday_name()[..3]),
        'B' => out.push_str(t.month_name()),
        'b' | 'h' => out.push_str(&t.month_name()[..3]),
        'D' | 'x' => out.push_str(&format("%m/%d/%y", t)),
        'F' => out.push_str(&format("%Y-%m-%d", t)),
        'T' | 'X' => out.push_str(&format("%H:%M:%S", t)),
        'R' => out.push_str(&format("%H:%M", t)),
        'r' => out.push_str(&format("%I:%M:%S %p", t)),
        'c' => out.push_str(&format("%a %b %e %H:%M:%S %Y", t)),
        'n' => out.push('\n'),
        't' => out.push('\t'),
        '%' => out.push('%'),
        // A datetime without a time zone: Python writes nothing.
        'z' | 'Z' => {}
        other => {
            out.push('%');
            out.push(other);
        }
    }
}

pub fn format(format: &str, time: &Time) -> String {
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (padding, code) = match chars.next() {
            Some('-') => (Padding::None, chars.next()),
            Some('_') => (Padding::Space, chars.next()),
            Some('0') => (Padding::Zero, chars.next()),
            code => (Padding::Default, code),
        };
        match code {
            Some(code) => directive(&mut out, code, padding, time),
            None => out.push('%'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Time = Time {
        year: 2024,
        month: 7,
        day: 6,
        hour: 15,
        minute: 4,
        second: 9,
        weekday: 6,
        year_day: 187,
        utc_offset_seconds: 0,
    };

    #[test]
    fn directives_match_python() {
        for (pattern, text) in [
            ("%d %b %Y", "06 Jul 2024"),
            ("%Y-%m-%d", "2024-07-06"),
            ("%B %-d, %Y", "July 6, 2024"),
            ("%A %I:%M:%S %p %j %U %W %V", "Saturday 03:04:09 PM 188 26 27 27"),
            ("%c|%x|%X|%e|%s", "Sat Jul  6 15:04:09 2024|07/06/24|15:04:09| 6|1720278249"),
            ("100%%%", "100%%"),
        ] {
            assert_eq!(format(pattern, &TIME), text, "{pattern}");
        }
    }
}
