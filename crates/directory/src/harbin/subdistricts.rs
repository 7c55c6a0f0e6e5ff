//! The subdistricts and towns of the eight districts, each with an approximate point.
//!
//! For: where the synthetic communities, stations and facilities are put.
//! May not know: what is put there. Names are those of the National Bureau of Statistics' list of 2023; the points are
//! our placement, within 1 to 3 km, each in its district and on its bank.

use domain::geography::Place;

/// A subdistrict or town.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subdistrict {
    /// With its kind: 尚志街道, 太平镇.
    pub name: &'static str,
    /// In Latin letters.
    pub name_latin: &'static str,
    /// WGS-84, millionths of a degree.
    pub lon_e6: i32,
    /// WGS-84, millionths of a degree.
    pub lat_e6: i32,
}

impl Subdistrict {
    /// Its point.
    pub const fn place(&self) -> Place {
        Place {
            lon_e6: self.lon_e6,
            lat_e6: self.lat_e6,
        }
    }
}

const fn at(name: &'static str, name_latin: &'static str, lon_e6: i32, lat_e6: i32) -> Subdistrict {
    Subdistrict {
        name,
        name_latin,
        lon_e6,
        lat_e6,
    }
}

pub(super) const DAOLI: &[Subdistrict] = &[
    at("兆麟街道", "Zhaolin", 126_617_000, 45_777_000),
    at("新阳路街道", "Xinyanglu", 126_594_000, 45_751_000),
    at("抚顺街道", "Fushun", 126_601_000, 45_755_000),
    at("共乐街道", "Gongle", 126_586_000, 45_752_000),
    at("新华街道", "Xinhua", 126_575_000, 45_744_000),
    at("城乡路街道", "Chengxianglu", 126_566_000, 45_737_000),
    at("工农街道", "Gongnong", 126_577_000, 45_752_000),
    at("尚志街道", "Shangzhi", 126_620_000, 45_769_000),
    at("斯大林街道", "Sidalin", 126_612_000, 45_780_000),
    at("通江街道", "Tongjiang", 126_609_000, 45_776_000),
    at("经纬街道", "Jingwei", 126_614_000, 45_767_000),
    at("工程街道", "Gongcheng", 126_607_000, 45_764_000),
    at("安静街道", "Anjing", 126_603_000, 45_769_000),
    at("安和街道", "Anhe", 126_599_000, 45_760_000),
    at("正阳河街道", "Zhengyanghe", 126_590_000, 45_758_000),
    at("建国街道", "Jianguo", 126_584_000, 45_747_000),
    at("康安街道", "Kang'an", 126_588_000, 45_738_000),
    at("爱建街道", "Aijian", 126_612_000, 45_757_000),
    at("群力街道", "Qunli", 126_535_000, 45_737_000),
    at("太平镇", "Taiping Town", 126_250_000, 45_620_000),
    at("新发镇", "Xinfa Town", 126_470_000, 45_680_000),
    at("新农镇", "Xinnong Town", 126_390_000, 45_690_000),
    at("榆树镇", "Yushu Town", 126_510_000, 45_690_000),
];

pub(super) const NANGANG: &[Subdistrict] = &[
    at("花园街道", "Huayuan", 126_637_000, 45_761_000),
    at("奋斗路街道", "Fendoulu", 126_645_000, 45_757_000),
    at("革新街道", "Gexin", 126_640_000, 45_748_000),
    at("文化街道", "Wenhua", 126_650_000, 45_748_000),
    at("大成街道", "Dacheng", 126_655_000, 45_761_000),
    at("芦家街道", "Lujia", 126_653_000, 45_753_000),
    at("荣市街道", "Rongshi", 126_647_000, 45_764_000),
    at("燎原街道", "Liaoyuan", 126_629_000, 45_741_000),
    at("松花江街道", "Songhuajiang", 126_631_000, 45_753_000),
    at("曲线街道", "Quxian", 126_638_000, 45_742_000),
    at("通达街道", "Tongda", 126_613_000, 45_742_000),
    at("七政街道", "Qizheng", 126_667_000, 45_763_000),
    at("和兴路街道", "Hexinglu", 126_620_000, 45_734_000),
    at("哈西街道", "Haxi", 126_600_000, 45_712_000),
    at("保健路街道", "Baojianlu", 126_625_000, 45_712_000),
    at("先锋路街道", "Xianfenglu", 126_700_000, 45_755_000),
    at("新春街道", "Xinchun", 126_603_000, 45_700_000),
    at("跃进街道", "Yuejin", 126_622_000, 45_722_000),
    at("王岗镇", "Wanggang Town", 126_560_000, 45_640_000),
    at("红旗满族乡", "Hongqi Manchu Twp", 126_640_000, 45_670_000),
];

pub(super) const DAOWAI: &[Subdistrict] = &[
    at("靖宇街道", "Jingyu", 126_637_000, 45_783_000),
    at("太古街道", "Taigu", 126_632_000, 45_779_000),
    at("东莱街道", "Donglai", 126_640_000, 45_779_000),
    at("滨江街道", "Binjiang", 126_647_000, 45_775_000),
    at("仁里街道", "Renli", 126_646_000, 45_787_000),
    at("南市街道", "Nanshi", 126_639_000, 45_775_000),
    at("崇俭街道", "Chongjian", 126_653_000, 45_783_000),
    at("振江街道", "Zhenjiang", 126_651_000, 45_790_000),
    at("东原街道", "Dongyuan", 126_659_000, 45_789_000),
    at("大兴街道", "Daxing", 126_662_000, 45_785_000),
    at("胜利街道", "Shengli", 126_656_000, 45_779_000),
    at("南马街道", "Nanma", 126_648_000, 45_780_000),
    at("民强街道", "Minqiang", 126_690_000, 45_779_000),
    at("大有坊街道", "Dayoufang", 126_682_000, 45_783_000),
    at("南直路街道", "Nanzhilu", 126_690_000, 45_770_000),
    at("化工街道", "Huagong", 126_745_000, 45_770_000),
    at("火车头街道", "Huochetou", 126_704_000, 45_789_000),
    at("新一街道", "Xinyi", 126_695_000, 45_786_000),
    at("三棵树大街街道", "Sankeshu", 126_713_000, 45_796_000),
    at("水泥路街道", "Shuinilu", 126_728_000, 45_815_000),
    at("太平大街街道", "Taiping Dajie", 126_698_000, 45_774_000),
    at("黎华街道", "Lihua", 126_722_000, 45_772_000),
    at("新乐街道", "Xinle", 126_686_000, 45_775_000),
    at("团结镇", "Tuanjie Town", 126_790_000, 45_790_000),
    at("民主镇", "Minzhu Town", 126_830_000, 45_870_000),
    at("巨源镇", "Juyuan Town", 126_980_000, 45_860_000),
    at("永源镇", "Yongyuan Town", 126_960_000, 45_790_000),
];

pub(super) const PINGFANG: &[Subdistrict] = &[
    at("兴建街道", "Xingjian", 126_640_000, 45_607_000),
    at("保国街道", "Baoguo", 126_640_000, 45_598_000),
    at("联盟街道", "Lianmeng", 126_627_000, 45_598_000),
    at("友协街道", "Youxie", 126_618_000, 45_603_000),
    at("新疆街道", "Xinjiang", 126_632_000, 45_607_000),
    at("新伟街道", "Xinwei", 126_622_000, 45_594_000),
    at("平新街道", "Pingxin", 126_630_000, 45_612_000),
    at("建安街道", "Jian'an", 126_658_000, 45_600_000),
    at("平盛街道", "Pingsheng", 126_680_000, 45_605_000),
    at("平房镇", "Pingfang Town", 126_680_000, 45_580_000),
];

pub(super) const SONGBEI: &[Subdistrict] = &[
    at("太阳岛街道", "Taiyangdao", 126_590_000, 45_792_000),
    at("松浦街道", "Songpu", 126_630_000, 45_812_000),
    at("万宝街道", "Wanbao", 126_590_000, 45_845_000),
    at("松北街道", "Songbei", 126_545_000, 45_805_000),
    at("松安街道", "Song'an", 126_560_000, 45_820_000),
    at("松祥街道", "Songxiang", 126_530_000, 45_815_000),
    at("船口街道", "Chuankou", 126_650_000, 45_830_000),
    at("对青山镇", "Duiqingshan Town", 126_330_000, 45_950_000),
    at("乐业镇", "Leye Town", 126_400_000, 45_930_000),
];

pub(super) const XIANGFANG: &[Subdistrict] = &[
    at("香坊大街街道", "Xiangfang Dajie", 126_683_000, 45_726_000),
    at("安埠街道", "Anbu", 126_677_000, 45_736_000),
    at("通天街道", "Tongtian", 126_692_000, 45_731_000),
    at("新香坊街道", "Xinxiangfang", 126_715_000, 45_700_000),
    at("铁东街道", "Tiedong", 126_700_000, 45_721_000),
    at("新成街道", "Xincheng", 126_697_000, 45_712_000),
    at("红旗街道", "Hongqi", 126_695_000, 45_738_000),
    at("六顺街道", "Liushun", 126_674_000, 45_729_000),
    at("建筑街道", "Jianzhu", 126_643_000, 45_727_000),
    at("哈平路街道", "Hapinglu", 126_643_000, 45_705_000),
    at("安乐街道", "Anle", 126_662_000, 45_716_000),
    at("健康路街道", "Jiankanglu", 126_660_000, 45_730_000),
    at("大庆路街道", "Daqinglu", 126_670_000, 45_710_000),
    at("进乡", "Jinxiang", 126_688_000, 45_703_000),
    at("通乡", "Tongxiang", 126_706_000, 45_738_000),
    at("和平路街道", "Hepinglu", 126_656_000, 45_738_000),
    at("民生路街道", "Minshenglu", 126_668_000, 45_739_000),
    at("文政街道", "Wenzheng", 126_650_000, 45_734_000),
    at("王兆街道", "Wangzhao", 126_655_000, 45_722_000),
    at("黎明街道", "Liming", 126_700_000, 45_690_000),
    at("成高子镇", "Chenggaozi Town", 126_785_000, 45_715_000),
    at("幸福镇", "Xingfu Town", 126_740_000, 45_730_000),
    at("朝阳镇", "Chaoyang Town", 126_700_000, 45_650_000),
    at("向阳镇", "Xiangyang Town", 126_870_000, 45_690_000),
];

pub(super) const HULAN: &[Subdistrict] = &[
    at("呼兰街道", "Hulan", 126_587_000, 45_985_000),
    at("兰河街道", "Lanhe", 126_600_000, 45_993_000),
    at("腰堡街道", "Yaobu", 126_520_000, 45_935_000),
    at("利民街道", "Limin", 126_600_000, 45_890_000),
    at("康金街道", "Kangjin", 126_800_000, 46_150_000),
    at("双井街道", "Shuangjing", 126_690_000, 46_080_000),
    at("建设路街道", "Jianshelu", 126_606_000, 45_980_000),
    at("学院路街道", "Xueyuanlu", 126_620_000, 45_885_000),
    at("长岭街道", "Changling", 126_700_000, 45_950_000),
    at("沈家街道", "Shenjia", 126_480_000, 46_080_000),
    at("南京路街道", "Nanjinglu", 126_600_000, 45_880_000),
    at("裕民街道", "Yumin", 126_610_000, 45_905_000),
    at("裕田街道", "Yutian", 126_585_000, 45_905_000),
    at("裕强街道", "Yuqiang", 126_590_000, 45_895_000),
    at("萧乡", "Xiaoxiang", 126_612_000, 45_986_000),
    at("公园路街道", "Gongyuanlu", 126_595_000, 45_979_000),
];

pub(super) const ACHENG: &[Subdistrict] = &[
    at("金城街道", "Jincheng", 126_967_000, 45_545_000),
    at("金都街道", "Jindu", 126_972_000, 45_533_000),
    at("通城街道", "Tongcheng", 126_955_000, 45_541_000),
    at("河东街道", "Hedong", 126_990_000, 45_540_000),
    at("阿什河街道", "Ashihe", 126_975_000, 45_560_000),
    at("玉泉街道", "Yuquan", 127_150_000, 45_430_000),
    at("新利街道", "Xinli", 126_860_000, 45_600_000),
    at("双丰街道", "Shuangfeng", 126_900_000, 45_560_000),
    at("舍利街道", "Sheli", 126_830_000, 45_450_000),
    at("小岭街道", "Xiaoling", 127_220_000, 45_370_000),
    at("亚沟街道", "Yagou", 127_070_000, 45_480_000),
    at("交界街道", "Jiaojie", 127_050_000, 45_420_000),
    at("料甸街道", "Liaodian", 126_790_000, 45_450_000),
    at("蜚克图街道", "Feiketu", 127_180_000, 45_620_000),
    at("杨树街道", "Yangshu", 126_860_000, 45_490_000),
];
