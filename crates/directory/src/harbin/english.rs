//! The synthetic city's own sentences in English.
//!
//! For: a visitor who reads no Chinese, and sees what an operator sees.
//! May not know: names; those are spelled, not translated.

use std::{collections::HashMap, sync::LazyLock};

use super::LABEL;
use crate::english::person;

/// How a spouse is written down: 老伴王国富,80岁.
const SPOUSE: &str = "老伴";

/// Chinese and English.
const SENTENCES: &[(&str, &str)] = &[
    // How to get in.
    (
        "单元门密码见门禁牌,可按门铃由邻居开门",
        "Door code on the sign at the entrance; or ring, a neighbour opens",
    ),
    (
        "无电梯,楼道灯坏,请带手电",
        "No lift; the light on the stairs is broken: bring a torch",
    ),
    (
        "有电梯,门禁请呼物业值班室",
        "Lift; for the entrance call the caretaker's office",
    ),
    (
        "钥匙盒在门框右侧,密码在服务站登记簿",
        "Key box right of the door frame; its code is in the station's register",
    ),
    (
        "备用钥匙在楼下邻居家",
        "Spare key with the neighbour downstairs",
    ),
    (
        "敲门要用力,反应慢,请多等一会",
        "Knock hard and wait: slow to answer",
    ),
    ("养小狗,不咬人", "Keeps a small dog, does not bite"),
    (
        "走后门,前门冬天封闭",
        "Use the back door; the front door is shut in winter",
    ),
    (
        "门锁向左拧,门后有助行器",
        "Turn the lock to the left; a walking frame stands behind the door",
    ),
    // Dialects.
    ("东北话", "Northeastern Mandarin"),
    ("普通话", "Standard Mandarin"),
    ("山东话", "Shandong dialect"),
    ("朝鲜语", "Korean"),
    ("满语口音", "Manchu accent"),
    // Illnesses and limits.
    ("高血压", "high blood pressure"),
    ("冠心病", "coronary heart disease"),
    ("2型糖尿病", "type 2 diabetes"),
    ("骨质疏松", "osteoporosis"),
    (
        "膝关节炎,行走用助行器",
        "arthritis of the knee, walks with a frame",
    ),
    (
        "脑梗死后遗症,右侧无力",
        "after a stroke, weak on the right side",
    ),
    ("慢性阻塞性肺病", "COPD"),
    ("轻度认知障碍", "mild cognitive impairment"),
    ("白内障,视力差", "cataract, poor sight"),
    ("心房颤动", "atrial fibrillation"),
    ("帕金森病", "Parkinson's disease"),
    ("髋关节置换术后", "after a hip replacement"),
    // Medicines and allergies.
    ("硝苯地平缓释片", "nifedipine (slow release)"),
    ("阿司匹林", "aspirin"),
    ("二甲双胍", "metformin"),
    ("阿托伐他汀", "atorvastatin"),
    ("硝酸甘油(床头柜)", "nitroglycerin (bedside table)"),
    ("华法林(易出血)", "warfarin (bleeds easily)"),
    ("胰岛素(冰箱)", "insulin (refrigerator)"),
    ("碳酸钙D3", "calcium carbonate with D3"),
    ("过敏:青霉素", "allergy: penicillin"),
    ("过敏:磺胺类", "allergy: sulfonamides"),
    // Relations.
    ("女儿", "daughter"),
    ("儿子", "son"),
    ("邻居", "neighbour"),
    ("儿媳", "daughter-in-law"),
    ("女婿", "son-in-law"),
    ("孙女", "granddaughter"),
    ("孙子", "grandson"),
    ("外甥", "nephew"),
    ("老伴", "spouse"),
    ("老同事", "old colleague"),
    ("社区网格员", "grid worker of the community"),
    // Who lives there.
    ("儿子,白天上班", "son, at work by day"),
    ("住家保姆", "live-in helper"),
    // Hospitals.
    ("哈尔滨市第一医院", "Harbin First Hospital"),
    ("哈尔滨市第二医院", "Harbin Second Hospital"),
    ("哈尔滨市第四医院", "Harbin Fourth Hospital"),
    ("哈尔滨市第五医院", "Harbin Fifth Hospital"),
    ("哈尔滨二四二医院", "Harbin 242 Hospital"),
    ("黑龙江省医院", "Heilongjiang Provincial Hospital"),
    (
        "哈尔滨医科大学附属第一医院",
        "First Affiliated Hospital, Harbin Medical University",
    ),
    (
        "哈尔滨医科大学附属第二医院",
        "Second Affiliated Hospital, Harbin Medical University",
    ),
    (
        "哈尔滨医科大学附属第四医院",
        "Fourth Affiliated Hospital, Harbin Medical University",
    ),
    (
        "黑龙江中医药大学附属第一医院",
        "First Affiliated Hospital, Heilongjiang University of Chinese Medicine",
    ),
    ("呼兰区第一人民医院", "Hulan First People's Hospital"),
    ("阿城区人民医院", "Acheng People's Hospital"),
    // The label.
    (LABEL, "Synthetic data"),
];

static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| SENTENCES.iter().copied().collect());

/// The English of a sentence of the synthetic city; empty when it is none.
pub fn in_english(text: &str) -> String {
    if let Some(english) = TABLE.get(text) {
        return (*english).to_owned();
    }
    spouse(text).unwrap_or_default()
}

fn spouse(text: &str) -> Option<String> {
    let (name, age) = text.strip_prefix(SPOUSE)?.split_once([',', ','])?;
    let age: u16 = age.strip_suffix('岁')?.parse().ok()?;
    let name = Some(person(name)).filter(|name| !name.is_empty())?;
    Some(format!("spouse {name}, {age}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, Residents};
    use super::*;

    #[test]
    fn everything_said_of_a_synthetic_resident_has_an_english_form() {
        let residents = Residents::new(&Plan::default());
        for n in 1..=2_000 {
            let profile = residents.nth(n).profile;
            let said = [
                &profile.address.access,
                &profile.dialect,
                &profile.hospital,
                &profile.notes,
            ];
            let relations = profile.contacts.iter().map(|c| &c.relation);
            let lists = profile.conditions.iter().chain(&profile.medicines);
            let all = said
                .into_iter()
                .chain(relations)
                .chain(lists)
                .chain(&profile.household);
            for text in all.filter(|text| !text.is_empty()) {
                assert_ne!(in_english(text), "", "{text}");
            }
            assert_eq!(person(&profile.name), profile.name_latin);
        }
    }

    #[test]
    fn what_somebody_wrote_is_not_guessed_at() {
        assert_eq!(in_english("老伴住院,周五回"), "");
        assert_eq!(in_english("老伴王国富,80岁"), "spouse Wang Guofu, 80");
    }
}
