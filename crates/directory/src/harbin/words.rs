//! Words the synthetic people and places are made of.
//!
//! For: common surnames and given names with their Latin spelling, compounds, illnesses, medicines.
//! May not know: anybody real. Surnames are weighted roughly as in the north-east of China.

/// Surname, Latin, weight.
pub(super) const SURNAMES: &[((&str, &str), u32)] = &[
    (("王", "Wang"), 100),
    (("李", "Li"), 90),
    (("张", "Zhang"), 90),
    (("刘", "Liu"), 80),
    (("孙", "Sun"), 40),
    (("赵", "Zhao"), 40),
    (("于", "Yu"), 30),
    (("杨", "Yang"), 30),
    (("陈", "Chen"), 28),
    (("高", "Gao"), 24),
    (("徐", "Xu"), 22),
    (("马", "Ma"), 20),
    (("周", "Zhou"), 18),
    (("姜", "Jiang"), 16),
    (("吴", "Wu"), 16),
    (("宋", "Song"), 16),
    (("郭", "Guo"), 15),
    (("韩", "Han"), 14),
    (("朱", "Zhu"), 14),
    (("崔", "Cui"), 12),
    (("曲", "Qu"), 8),
    (("关", "Guan"), 8),
    (("董", "Dong"), 8),
    (("金", "Jin"), 8),
    (("邹", "Zou"), 6),
    (("佟", "Tong"), 4),
    (("欧阳", "Ouyang"), 1),
];

/// Given names of women born before 1966.
pub(super) const WOMEN: &[(&str, &str)] = &[
    ("桂兰", "Guilan"),
    ("秀英", "Xiuying"),
    ("淑珍", "Shuzhen"),
    ("玉兰", "Yulan"),
    ("凤英", "Fengying"),
    ("淑兰", "Shulan"),
    ("桂英", "Guiying"),
    ("秀兰", "Xiulan"),
    ("玉珍", "Yuzhen"),
    ("桂芝", "Guizhi"),
    ("淑芬", "Shufen"),
    ("亚琴", "Yaqin"),
    ("凤兰", "Fenglan"),
    ("玉华", "Yuhua"),
    ("淑华", "Shuhua"),
    ("丽华", "Lihua"),
    ("素云", "Suyun"),
    ("桂荣", "Guirong"),
    ("秀芹", "Xiuqin"),
    ("玉梅", "Yumei"),
    ("淑清", "Shuqing"),
    ("凤琴", "Fengqin"),
    ("雅芝", "Yazhi"),
    ("敏", "Min"),
];

/// Given names of men born before 1966.
pub(super) const MEN: &[(&str, &str)] = &[
    ("国富", "Guofu"),
    ("德福", "Defu"),
    ("建国", "Jianguo"),
    ("长林", "Changlin"),
    ("振华", "Zhenhua"),
    ("志远", "Zhiyuan"),
    ("玉山", "Yushan"),
    ("永贵", "Yonggui"),
    ("殿臣", "Dianchen"),
    ("文彬", "Wenbin"),
    ("景春", "Jingchun"),
    ("洪生", "Hongsheng"),
    ("宝山", "Baoshan"),
    ("凤山", "Fengshan"),
    ("广义", "Guangyi"),
    ("守义", "Shouyi"),
    ("占江", "Zhanjiang"),
    ("明", "Ming"),
];

/// Given names of the generation that answers the telephone.
pub(super) const YOUNGER: &[(&str, &str)] = &[
    ("丽娟", "Lijuan"),
    ("晓东", "Xiaodong"),
    ("海燕", "Haiyan"),
    ("志强", "Zhiqiang"),
    ("艳", "Yan"),
    ("伟", "Wei"),
    ("静", "Jing"),
    ("立新", "Lixin"),
    ("雪梅", "Xuemei"),
    ("洪波", "Hongbo"),
    ("春玲", "Chunling"),
    ("大鹏", "Dapeng"),
    ("冬梅", "Dongmei"),
    ("宇", "Yu"),
    ("婷婷", "Tingting"),
    ("磊", "Lei"),
    ("国庆", "Guoqing"),
    ("薇", "Wei"),
    ("永刚", "Yonggang"),
    ("晶", "Jing"),
    ("慧", "Hui"),
    ("欣", "Xin"),
];

/// Given names of daughters and granddaughters.
pub(super) const YOUNGER_WOMEN: &[(&str, &str)] = &[
    ("丽娟", "Lijuan"),
    ("海燕", "Haiyan"),
    ("艳", "Yan"),
    ("静", "Jing"),
    ("雪梅", "Xuemei"),
    ("春玲", "Chunling"),
    ("冬梅", "Dongmei"),
    ("婷婷", "Tingting"),
    ("薇", "Wei"),
    ("晶", "Jing"),
];

/// Given names of sons and nephews.
pub(super) const YOUNGER_MEN: &[(&str, &str)] = &[
    ("晓东", "Xiaodong"),
    ("志强", "Zhiqiang"),
    ("伟", "Wei"),
    ("立新", "Lixin"),
    ("洪波", "Hongbo"),
    ("大鹏", "Dapeng"),
    ("磊", "Lei"),
    ("国庆", "Guoqing"),
    ("永刚", "Yonggang"),
];

/// First words of communities.
pub(super) const COMMUNITY_WORDS: &[&str] = &[
    "安康", "幸福", "和平", "光明", "团结", "友谊", "朝阳", "兴华", "长青", "福顺", "永乐", "春晖",
    "建安", "文景", "康宁", "祥和", "裕民", "新民", "松江", "丁香", "瑞雪", "同心", "安居", "善邻",
];

/// Compounds: first and second word.
pub(super) const COMPOUND_FIRST: &[&str] = &[
    "和顺", "锦绣", "阳光", "丁香", "松江", "福泰", "安乐", "银河", "鸿福", "雅居", "冰城", "长寿",
    "翠园", "北新", "玉泉", "华丰", "天顺", "宏图",
];
/// See [`COMPOUND_FIRST`].
pub(super) const COMPOUND_SECOND: &[&str] = &["小区", "家园", "花园", "新村", "嘉园", "公寓"];

/// How to get in, weighted.
pub(super) const ACCESS: &[(&str, u32)] = &[
    ("单元门密码见门禁牌,可按门铃由邻居开门", 18),
    ("无电梯,楼道灯坏,请带手电", 12),
    ("有电梯,门禁请呼物业值班室", 16),
    ("钥匙盒在门框右侧,密码在服务站登记簿", 10),
    ("备用钥匙在楼下邻居家", 12),
    ("敲门要用力,反应慢,请多等一会", 10),
    ("养小狗,不咬人", 6),
    ("走后门,前门冬天封闭", 6),
    ("门锁向左拧,门后有助行器", 8),
    ("", 12),
];

/// Hearing, weighted.
pub(super) const HEARING: &[(&str, u32)] = &[("normal", 62), ("hard", 34), ("deaf", 4)];

/// Dialects, weighted.
pub(super) const DIALECTS: &[(&str, u32)] = &[
    ("东北话", 82),
    ("普通话", 10),
    ("山东话", 5),
    ("朝鲜语", 2),
    ("满语口音", 1),
];

/// Illnesses and limits, weighted.
pub(super) const CONDITIONS: &[(&str, u32)] = &[
    ("高血压", 50),
    ("冠心病", 30),
    ("2型糖尿病", 26),
    ("骨质疏松", 20),
    ("膝关节炎,行走用助行器", 18),
    ("脑梗死后遗症,右侧无力", 10),
    ("慢性阻塞性肺病", 9),
    ("轻度认知障碍", 9),
    ("白内障,视力差", 12),
    ("心房颤动", 7),
    ("帕金森病", 4),
    ("髋关节置换术后", 4),
];

/// Medicines and allergies, weighted.
pub(super) const MEDICINES: &[(&str, u32)] = &[
    ("硝苯地平缓释片", 24),
    ("阿司匹林", 22),
    ("二甲双胍", 18),
    ("阿托伐他汀", 18),
    ("硝酸甘油(床头柜)", 12),
    ("华法林(易出血)", 5),
    ("胰岛素(冰箱)", 7),
    ("碳酸钙D3", 12),
    ("过敏:青霉素", 9),
    ("过敏:磺胺类", 3),
];

/// Relation of a contact, and whether they often have a key, in per cent; weighted.
pub(super) const RELATIONS: &[((&str, u32), u32)] = &[
    (("女儿", 70), 30),
    (("儿子", 65), 28),
    (("邻居", 55), 16),
    (("儿媳", 50), 6),
    (("孙女", 30), 6),
    (("外甥", 15), 4),
    (("老同事", 5), 4),
    (("社区网格员", 10), 6),
];

/// Kinds of devices, weighted.
pub(super) const MODELS: &[(&str, u32)] = &[
    ("pendant", 45),
    ("watch", 15),
    ("wall_button", 15),
    ("panel", 10),
    ("phone", 15),
];
