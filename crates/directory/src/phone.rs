//! Telephone numbers in one form, however they were written down.
//!
//! For: finding a number that was written `139 4510 0000` by one and `+86-13945100000` by another.
//! May not know: whose numbers they are.

/// Country code of China.
const COUNTRY: &str = "86";

/// Longest number read, in characters as written.
const WRITTEN: usize = 40;

/// Digits of a mobile number (工信部《电信网编号计划》2017: 1 and ten more).
const MOBILE: usize = 11;

/// Digits of a subscriber's number without area code, fewest and most (the same plan).
const LOCAL: std::ops::RangeInclusive<usize> = 7..=8;

/// The number with its area code (this city's, where it has none) and without its country's, digits only; `None`: no
/// telephone number. An extension is left out.
pub(crate) fn normal(written: &str, area: &str) -> Option<String> {
    if written.chars().count() > WRITTEN {
        return None;
    }
    let mut digits = String::new();
    let mut international = false;
    for letter in written.trim().chars() {
        match half_width(letter) {
            digit if digit.is_ascii_digit() => digits.push(digit),
            '+' if digits.is_empty() => international = true,
            ' ' | '-' | '–' | '—' | '(' | ')' | '.' | '/' => {}
            // 转, ext.: what follows is dialled inside a house.
            '转' | 'x' | '#' | 'e' if !digits.is_empty() => break,
            _ => return None,
        }
    }
    let long = |digits: &str| digits.len() > MOBILE;
    for prefix in [format!("00{COUNTRY}"), COUNTRY.to_owned()] {
        if let Some(rest) = digits.strip_prefix(&prefix)
            && (international || prefix.starts_with('0') || long(&digits))
        {
            digits = rest.to_owned();
            international = true;
            break;
        }
    }
    // Dialled over long distance, a mobile number has a 0 before it.
    if let Some(mobile) = digits.strip_prefix('0').filter(|it| is_mobile(it)) {
        return Some(mobile.to_owned());
    }
    if is_mobile(&digits) {
        return Some(digits);
    }
    // From abroad an area code has no 0.
    if international && !digits.starts_with('0') && digits.len() > *LOCAL.end() {
        digits.insert(0, '0');
    }
    if LOCAL.contains(&digits.len()) && !digits.starts_with('0') {
        return Some(format!("{area}{digits}"));
    }
    let has_area = digits.starts_with('0') && (10..=12).contains(&digits.len());
    has_area.then_some(digits)
}

fn is_mobile(digits: &str) -> bool {
    digits.len() == MOBILE && digits.starts_with('1')
}

fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{3000}' | '\u{a0}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: &str = "0451";

    #[test]
    fn one_number_in_many_hands_is_one_number() {
        for written in [
            "13945100000",
            "139 4510 0000",
            "139-4510-0000",
            "+86 139 4510 0000",
            "0086-13945100000",
            "8613945100000",
            "013945100000",
            "１３９４５１０００００",
        ] {
            assert_eq!(
                normal(written, AREA).as_deref(),
                Some("13945100000"),
                "{written}"
            );
        }
        for written in [
            "82345678",
            "0451-82345678",
            "(0451) 8234 5678",
            "（0451）82345678",
            "+86 451 8234 5678",
            "0451-82345678转123",
            "82345678 ext. 5",
        ] {
            assert_eq!(
                normal(written, AREA).as_deref(),
                Some("045182345678"),
                "{written}"
            );
        }
        assert_eq!(normal("86345678", AREA).as_deref(), Some("045186345678"));
        assert_eq!(normal("0459-6234567", AREA).as_deref(), Some("04596234567"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for written in [
            "",
            " ",
            "120",
            "王秀英",
            "1394510",
            "13945",
            "转12",
            "++86",
            "12a4567890",
        ] {
            let expected = (written == "1394510").then(|| "04511394510".to_owned());
            assert_eq!(normal(written, AREA), expected, "{written}");
        }
        assert_eq!(normal(&"1".repeat(41), AREA), None);
    }

    #[test]
    fn a_number_without_area_code_is_this_citys_wherever_that_is() {
        assert_eq!(normal("8234 5678", "010").as_deref(), Some("01082345678"));
        assert_eq!(normal("8234 5678", "").as_deref(), Some("82345678"));
        assert_eq!(normal("+86 10 8234 5678", ""), normal("82345678", "010"));
    }
}
