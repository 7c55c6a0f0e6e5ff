//! Districts, crossings and hospitals of Harbin: the fixed facts.
//!
//! For: what is real in the synthetic city.
//! May not know: anything invented. Populations are those of the 2010 census; the split of the 106 stations follows a
//! newspaper report of 2010 (107 planned, one ordinary Xiangfang station dropped), that of the 60 facilities is ours,
//! by population.

use domain::{
    DistrictId,
    area::DistrictRecord,
    geography::{Place, Side},
    party::Traveller,
};

use super::subdistricts::{
    ACHENG, DAOLI, DAOWAI, HULAN, NANGANG, PINGFANG, SONGBEI, Subdistrict, XIANGFANG,
};

/// Urban communities in the eight districts.
pub const COMMUNITIES: u32 = 648;

/// One of the eight districts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct District {
    /// Administrative code, also its [`domain::DistrictId`].
    pub code: &'static str,
    /// 道里区 …
    pub name: &'static str,
    /// In Latin letters.
    pub name_latin: &'static str,
    /// The seat of its government, WGS-84, millionths of a degree.
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    /// By the census of 2010.
    pub population: u32,
    /// Home-care stations.
    pub stations: u32,
    /// Chain elder-care facilities.
    pub facilities: u32,
    /// Its side of the river.
    pub bank: Side,
    /// In the order of the official list.
    pub subdistricts: &'static [Subdistrict],
    /// Public hospitals named as preferred by residents.
    pub hospitals: &'static [&'static str],
}

impl District {
    /// The seat of its government.
    pub fn seat(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }

    /// As it would be described.
    pub fn record(&self) -> DistrictRecord {
        DistrictRecord {
            district: DistrictId::parse(self.code).expect("a district's code is six digits"),
            name: self.name.to_owned(),
            name_latin: self.name_latin.to_owned(),
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
            population: self.population,
        }
    }
}

/// The eight districts, by code.
pub static DISTRICTS: [District; 8] = [
    District {
        code: "230102",
        name: "道里区",
        name_latin: "Daoli",
        lon_e6: 126_607_000,
        lat_e6: 45_760_000,
        population: 923_762,
        stations: 17,
        facilities: 10,
        bank: Side::Right,
        subdistricts: DAOLI,
        hospitals: &["哈尔滨市第一医院", "哈尔滨市第二医院", "黑龙江省医院"],
    },
    District {
        code: "230103",
        name: "南岗区",
        name_latin: "Nangang",
        lon_e6: 126_646_000,
        lat_e6: 45_754_000,
        population: 1_343_857,
        stations: 17,
        facilities: 14,
        bank: Side::Right,
        subdistricts: NANGANG,
        hospitals: &[
            "哈尔滨医科大学附属第一医院",
            "哈尔滨医科大学附属第二医院",
            "哈尔滨市第五医院",
        ],
    },
    District {
        code: "230104",
        name: "道外区",
        name_latin: "Daowai",
        lon_e6: 126_643_000,
        lat_e6: 45_783_000,
        population: 906_421,
        stations: 21,
        facilities: 9,
        bank: Side::Right,
        subdistricts: DAOWAI,
        hospitals: &["哈尔滨市第四医院", "哈尔滨医科大学附属第四医院"],
    },
    District {
        code: "230108",
        name: "平房区",
        name_latin: "Pingfang",
        lon_e6: 126_623_000,
        lat_e6: 45_604_000,
        population: 190_253,
        stations: 8,
        facilities: 2,
        bank: Side::Right,
        subdistricts: PINGFANG,
        hospitals: &["哈尔滨二四二医院"],
    },
    District {
        code: "230109",
        name: "松北区",
        name_latin: "Songbei",
        lon_e6: 126_557_000,
        lat_e6: 45_813_000,
        population: 236_848,
        stations: 15,
        facilities: 2,
        bank: Side::Left,
        subdistricts: SONGBEI,
        hospitals: &["黑龙江省医院", "哈尔滨医科大学附属第一医院"],
    },
    District {
        code: "230110",
        name: "香坊区",
        name_latin: "Xiangfang",
        lon_e6: 126_661_000,
        lat_e6: 45_711_000,
        population: 916_408,
        stations: 28,
        facilities: 9,
        bank: Side::Right,
        subdistricts: XIANGFANG,
        hospitals: &["哈尔滨市第五医院", "黑龙江中医药大学附属第一医院"],
    },
    District {
        code: "230111",
        name: "呼兰区",
        name_latin: "Hulan",
        lon_e6: 126_597_000,
        lat_e6: 45_982_000,
        population: 764_534,
        stations: 0,
        facilities: 8,
        bank: Side::Left,
        subdistricts: HULAN,
        hospitals: &["呼兰区第一人民医院"],
    },
    District {
        code: "230112",
        name: "阿城区",
        name_latin: "Acheng",
        lon_e6: 126_967_000,
        lat_e6: 45_536_000,
        population: 596_856,
        stations: 0,
        facilities: 6,
        bank: Side::Right,
        subdistricts: ACHENG,
        hospitals: &["阿城区人民医院"],
    },
];

/// A bridge or tunnel over the Songhua.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// Also its [`domain::CrossingId`].
    pub id: &'static str,
    /// 公路大桥 …
    pub name: &'static str,
    /// In Latin letters.
    pub name_latin: &'static str,
    /// In mid-river, WGS-84, millionths of a degree.
    pub lon_e6: i32,
    /// See `lon_e6`.
    pub lat_e6: i32,
    /// Who may cross; nobody: trains only.
    pub travellers: &'static [Traveller],
    /// First day in use for them, `YYYYMMDD`; a day or month not known reads 01.
    pub opened: u32,
}

/// Every crossing, upstream first. A car may cross six bridges since 2018, four of them in July 2011. That the Highway
/// Bridge may be walked is its footway; the others, except the old railway bridge, we take as not walked.
pub static CROSSINGS: [Crossing; 10] = [
    Crossing {
        id: "wangwan-rail",
        name: "王万铁路桥",
        name_latin: "Wanggang–Wanle rail bridge",
        lon_e6: 126_410_000,
        lat_e6: 45_730_000,
        travellers: &[],
        opened: 20060101,
    },
    Crossing {
        id: "sifangtai",
        name: "四方台大桥",
        name_latin: "Sifangtai Bridge",
        lon_e6: 126_456_000,
        lat_e6: 45_740_000,
        travellers: &[Traveller::Car],
        opened: 20040930,
    },
    Crossing {
        id: "yangmingtan",
        name: "阳明滩大桥",
        name_latin: "Yangmingtan Bridge",
        lon_e6: 126_519_000,
        lat_e6: 45_770_000,
        travellers: &[Traveller::Car],
        opened: 20111101,
    },
    Crossing {
        id: "highway",
        name: "松花江公路大桥",
        name_latin: "Songhuajiang Highway Bridge",
        lon_e6: 126_594_000,
        lat_e6: 45_774_000,
        travellers: &[Traveller::Car, Traveller::Foot],
        opened: 19860830,
    },
    Crossing {
        id: "metro-2",
        name: "地铁2号线过江隧道",
        name_latin: "Metro line 2 tunnel",
        lon_e6: 126_610_000,
        lat_e6: 45_790_000,
        travellers: &[],
        opened: 20210919,
    },
    Crossing {
        id: "haqi-rail",
        name: "哈齐高铁松花江特大桥",
        name_latin: "Harbin–Qiqihar high-speed rail bridge",
        lon_e6: 126_616_000,
        lat_e6: 45_788_000,
        travellers: &[],
        opened: 20150101,
    },
    Crossing {
        id: "binzhou",
        name: "滨洲铁路桥",
        name_latin: "Binzhou old railway bridge",
        lon_e6: 126_617_000,
        lat_e6: 45_787_000,
        travellers: &[Traveller::Foot],
        opened: 20160101,
    },
    Crossing {
        id: "songpu",
        name: "松浦大桥",
        name_latin: "Songpu Bridge",
        lon_e6: 126_650_000,
        lat_e6: 45_797_000,
        travellers: &[Traveller::Car],
        opened: 20101013,
    },
    Crossing {
        id: "binbei",
        name: "滨北公铁两用桥",
        name_latin: "Binbei rail-and-road bridge",
        lon_e6: 126_689_000,
        lat_e6: 45_810_000,
        travellers: &[Traveller::Car],
        opened: 20181120,
    },
    Crossing {
        id: "ring-east",
        name: "四环东江桥",
        name_latin: "Ring-road East Bridge",
        lon_e6: 126_708_000,
        lat_e6: 45_836_000,
        travellers: &[Traveller::Car],
        opened: 20080101,
    },
];
