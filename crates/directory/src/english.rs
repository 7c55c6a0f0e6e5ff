//! The English form of what the directory keeps in Chinese.
//!
//! For: operators who read no Chinese: people and places in pinyin, the sentences of the synthetic city translated.
//! May not know: records, pages. It is made when it is shown and never stored, so nothing of it reaches an event; the same
//! characters give the same letters everywhere.
//!
//! Pinyin follows GB/T 16159 and, for people, GB/T 28039: surname first, the syllables of a word joined, an apostrophe
//! before a syllable that begins with a vowel. A character with several readings has its usual one, but surnames theirs.

use pinyin::ToPinyin;

use crate::harbin;

/// Surnames of two characters, the commoner ones.
const DOUBLE_SURNAMES: &[&str] = &[
    "欧阳", "司马", "上官", "诸葛", "司徒", "皇甫", "东方", "夏侯", "令狐", "端木", "公孙", "慕容",
    "尉迟", "长孙", "宇文", "万俟",
];

/// Surnames that are read otherwise than the same character elsewhere.
const SURNAME_READINGS: &[(&str, &str)] = &[
    ("单", "Shan"),
    ("曾", "Zeng"),
    ("解", "Xie"),
    ("仇", "Qiu"),
    ("查", "Zha"),
    ("朴", "Piao"),
    ("区", "Ou"),
    ("盖", "Ge"),
    ("任", "Ren"),
    ("缪", "Miao"),
    ("乐", "Yue"),
    ("覃", "Qin"),
    ("翟", "Zhai"),
    ("尉迟", "Yuchi"),
    ("长孙", "Zhangsun"),
    ("万俟", "Moqi"),
];

/// Characters whose usual reading in names, here in the north-east, is not the first of the dictionary.
const READINGS: &[(char, &str)] = &[
    ('长', "chang"),
    ('重', "chong"),
    ('朝', "chao"),
    ('曲', "qu"),
    ('都', "du"),
    ('什', "shi"),
    ('堡', "bu"),
];

/// What stands after a surname instead of a given name, and its English.
const TITLES: &[(&str, &str)] = &[
    ("护理员", "Carer"),
    ("护士", "Nurse"),
    ("值班员", "Operator"),
    ("调度员", "Dispatcher"),
    ("值班长", "Supervisor"),
    ("区经理", "District manager"),
    ("经理", "Manager"),
    ("管理员", "Administrator"),
    ("站长", "Head of station"),
    ("志愿者", "Volunteer"),
    ("网格员", "Grid worker"),
];

/// The last word of a place's name; longer ones before those they end in.
const KINDS: &[(&str, &str)] = &[
    ("网络养老院调度台", "District Desk"),
    ("连锁养老服务中心", "Elder-care Facility"),
    ("居家养老服务站", "Home-care Station"),
    ("街道", "Subdistrict"),
    ("社区", "Community"),
    ("大街", "Street"),
    ("大道", "Avenue"),
    ("胡同", "Hutong"),
    ("小区", "Xiaoqu"),
    ("家园", "Jiayuan"),
    ("花园", "Huayuan"),
    ("新村", "Xincun"),
    ("嘉园", "Jiayuan"),
    ("公寓", "Gongyu"),
    ("区", "District"),
    ("县", "County"),
    ("满族乡", "Manchu Township"),
    ("镇", "Town"),
    ("乡", "Township"),
    ("村", "Village"),
    ("路", "Road"),
    ("街", "Street"),
    ("巷", "Lane"),
];

/// What a number in an address counts; longer ones first.
const COUNTED: &[(&str, &str)] = &[
    ("号楼", "Building"),
    ("单元", "Unit"),
    ("栋", "Building"),
    ("幢", "Building"),
    ("号院", "Yard"),
    ("楼", "Floor"),
    ("层", "Floor"),
    ("室", "Room"),
    ("户", "Flat"),
    ("门", "Door"),
    ("号", "No."),
];

/// A person: 李秀兰 is Li Xiulan, 王护理员 Carer Wang. Empty unless the name is in Chinese characters only.
pub fn person(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() || !name.chars().all(is_han) {
        return String::new();
    }
    let length = name.chars().count();
    let double = DOUBLE_SURNAMES.iter().find(|s| name.starts_with(**s));
    let first = name.chars().next().map_or(0, char::len_utf8);
    let cut = double.filter(|_| length > 2).map_or(first, |s| s.len());
    let (surname, rest) = name.split_at(cut);
    let title = TITLES.iter().find(|(zh, _)| *zh == rest);
    match (title, rest) {
        (Some((_, title)), _) => format!("{title} {}", surname_in_latin(surname)),
        (None, "") => surname_in_latin(surname),
        (None, given) => format!("{} {}", surname_in_latin(surname), capital(&latin(given))),
    }
}

/// A post or title: 护理员 is Carer. Empty when we have no word for it.
pub fn post(title: &str) -> String {
    let known = TITLES.iter().find(|(zh, _)| *zh == title);
    known.map_or_else(String::new, |(_, en)| (*en).to_owned())
}

/// A place or an address, in the order it is written: 道里区安康社区3号楼 is "Daoli District, Ankang Community, Building
/// 3". Empty when there is nothing Chinese in it.
pub fn place(text: &str) -> String {
    if !text.chars().any(is_han) {
        return String::new();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut stem = String::new();
    let mut rest = text.trim();
    while let Some(next) = rest.chars().next() {
        if let Some((part, left)) = counted(rest) {
            flush(&mut parts, &mut stem);
            parts.push(part);
            rest = left;
        } else if let Some((kind, left)) = kind_at(rest, &stem) {
            let name = capital(&latin(stem.trim()));
            if name.is_empty() {
                // Nothing before it: 小区 alone is a name.
                stem.push_str(&rest[..rest.len() - left.len()]);
            } else {
                parts.push(format!("{name} {kind}"));
                stem.clear();
            }
            rest = left;
        } else {
            stem.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    flush(&mut parts, &mut stem);
    parts.join(", ")
}

/// A sentence, an illness, a relation: the English of what we have a translation of, else empty.
pub fn said(text: &str) -> String {
    harbin::in_english(text)
}

fn flush(parts: &mut Vec<String>, stem: &mut String) {
    let name = stem.trim_matches(|c: char| c.is_whitespace() || ",,、·".contains(c));
    if !name.is_empty() {
        parts.push(capital(&latin(name)));
    }
    stem.clear();
}

/// A number and what it counts, at the start of a text.
fn counted(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))?;
    let (number, rest) = text.split_at(end);
    if !number.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (zh, en) = COUNTED.iter().find(|(zh, _)| rest.starts_with(zh))?;
    Some((format!("{en} {number}"), &rest[zh.len()..]))
}

/// The kind of place that begins here, unless it is part of the name: a name goes on in 新阳路街道 and 太平大街街道, and
/// 进乡 is one word.
fn kind_at<'a>(text: &'a str, stem: &str) -> Option<(&'static str, &'a str)> {
    let (zh, en) = KINDS.iter().find(|(zh, _)| text.starts_with(zh))?;
    let rest = &text[zh.len()..];
    let short = zh.chars().count() == 1;
    let goes_on =
        rest.starts_with("街道") || short && KINDS.iter().any(|(k, _)| rest.starts_with(k));
    let one_word = short && stem.trim().chars().count() < 2;
    (!goes_on && !one_word).then_some((en, rest))
}

fn surname_in_latin(surname: &str) -> String {
    let read = SURNAME_READINGS.iter().find(|(zh, _)| *zh == surname);
    read.map_or_else(
        || capital(&latin(surname)),
        |(_, latin)| (*latin).to_owned(),
    )
}

/// The syllables of a word, joined; what is not Chinese stays as it is.
fn latin(word: &str) -> String {
    let mut all = String::new();
    for character in word.chars() {
        let usual = READINGS.iter().find(|(zh, _)| *zh == character);
        let read = usual
            .map(|(_, latin)| *latin)
            .or_else(|| character.to_pinyin().map(|read| read.plain()));
        match read {
            Some(read) => {
                let vowel = read.starts_with(['a', 'e', 'o']);
                if vowel && all.ends_with(|c: char| c.is_ascii_alphabetic()) {
                    all.push('\'');
                }
                all.push_str(read);
            }
            None => all.push(character),
        }
    }
    all
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_written_surname_first() {
        for (zh, en) in [
            ("李秀兰", "Li Xiulan"),
            ("欧阳敏", "Ouyang Min"),
            ("王敏", "Wang Min"),
            ("单建安", "Shan Jian'an"),
            ("长孙明", "Zhangsun Ming"),
            ("曲长林", "Qu Changlin"),
            ("王护理员", "Carer Wang"),
            ("欧阳值班长", "Supervisor Ouyang"),
            ("于", "Yu"),
            ("O'Neil", ""),
            ("王 Smith", ""),
            ("", ""),
        ] {
            assert_eq!(person(zh), en, "{zh}");
        }
    }

    #[test]
    fn addresses_keep_their_order() {
        for (zh, en) in [
            (
                "道里区兆麟街道安康社区阳光家园3号楼2单元5层502室",
                "Daoli District, Zhaolin Subdistrict, Ankang Community, Yangguang Jiayuan, Building 3, Unit 2, Floor 5, Room 502",
            ),
            ("新阳路街道", "Xinyanglu Subdistrict"),
            ("尚志大街118号", "Shangzhi Street, No. 118"),
            ("和平路 12-3号", "Heping Road, No. 12-3"),
            ("西安", "Xi'an"),
            ("12", ""),
            ("3", ""),
            ("小区", "Xiaoqu"),
        ] {
            assert_eq!(place(zh), en, "{zh}");
        }
    }

    #[test]
    fn real_names_are_spelled_as_the_city_spells_them() {
        let mut otherwise = Vec::new();
        for district in harbin::districts() {
            let wanted = format!("{} District", district.name_latin);
            assert_eq!(place(district.name), wanted);
            for sub in district.subdistricts {
                let (said, wanted) = (place(sub.name), sub.name_latin.replace("Twp", "Township"));
                // The city writes Taiping Dajie apart, and Sankeshu without its street.
                let joined = |words: &str| words.replace([' ', '\''], "").to_lowercase();
                let known = [wanted.clone(), format!("{wanted} Subdistrict")];
                if !known.iter().any(|one| joined(one) == joined(&said))
                    && sub.name != "三棵树大街街道"
                {
                    otherwise.push((sub.name, said, wanted));
                }
            }
        }
        assert_eq!(otherwise, []);
    }

    #[test]
    fn anything_at_all_is_read_without_harm() {
        for text in [
            "-",
            "3号",
            "号",
            "区区区",
            "🏠3号楼",
            "\u{323af}",
            "3\u{0301}号",
            "、,",
        ] {
            let _ = (person(text), place(text), said(text));
        }
    }
}
