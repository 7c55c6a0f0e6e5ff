//! The kinds of directory files, and their columns.
//!
//! For: one list of names that files, help and documents share.
//! May not know: what stands in a cell.

use serde::{Deserialize, Serialize};

/// A kind of record, in the order in which files that build on each other are imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Kind {
    City,
    Districts,
    Communities,
    Barriers,
    Sites,
    Crossings,
    Responders,
    Grids,
    Operators,
    Residents,
    Devices,
}

impl Kind {
    /// All, in the order of import.
    pub const ALL: [Self; 11] = [
        Self::City,
        Self::Districts,
        Self::Communities,
        Self::Barriers,
        Self::Sites,
        Self::Crossings,
        Self::Responders,
        Self::Grids,
        Self::Operators,
        Self::Residents,
        Self::Devices,
    ];

    /// As it is written on the command line and in file names.
    pub fn word(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::Districts => "districts",
            Self::Communities => "communities",
            Self::Grids => "grids",
            Self::Barriers => "barriers",
            Self::Sites => "sites",
            Self::Crossings => "crossings",
            Self::Responders => "responders",
            Self::Operators => "operators",
            Self::Residents => "residents",
            Self::Devices => "devices",
        }
    }

    /// As it is called on the screen.
    pub fn chinese(self) -> &'static str {
        match self {
            Self::City => "城市",
            Self::Districts => "区",
            Self::Communities => "社区",
            Self::Grids => "网格",
            Self::Barriers => "江河",
            Self::Sites => "服务网点",
            Self::Crossings => "桥梁",
            Self::Responders => "上门人员",
            Self::Operators => "值班员",
            Self::Residents => "老人",
            Self::Devices => "呼叫终端",
        }
    }

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The columns, the id first; files may have them in any order.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::City => &[
                "city",
                "name",
                "name_latin",
                "lon",
                "lat",
                "town_radius_m",
                "area_code",
            ],
            Self::Districts => &[
                "district",
                "name",
                "name_latin",
                "lon",
                "lat",
                "population",
                "status",
            ],
            Self::Communities => &[
                "community",
                "district",
                "name",
                "name_short",
                "lon",
                "lat",
                "grids",
                "stars",
                "status",
            ],
            Self::Grids => &["grid", "community", "number", "worker"],
            Self::Barriers => &["point", "barrier", "name", "lon", "lat", "extent", "status"],
            Self::Sites => &[
                "site",
                "kind",
                "name",
                "name_latin",
                "district",
                "lon",
                "lat",
                "opens",
                "closes",
                "can_answer",
                "can_send",
                "duty_phone",
                "capacity",
                "traveller",
                "status",
            ],
            Self::Crossings => &[
                "crossing",
                "name",
                "name_latin",
                "lon",
                "lat",
                "travellers",
                "status",
                "why",
            ],
            Self::Responders => &[
                "responder",
                "name",
                "kind",
                "site",
                "district",
                "phone",
                "status",
            ],
            Self::Operators => &["operator", "name", "post", "role", "scope", "status"],
            Self::Residents => &[
                "resident",
                "district",
                "community",
                "grid",
                "home_station",
                "name",
                "name_latin",
                "born",
                "sex",
                "phone",
                "compound",
                "building",
                "unit",
                "floor",
                "door",
                "access",
                "lon",
                "lat",
                "hearing",
                "dialect",
                "conditions",
                "medicines",
                "hospital",
                "contacts",
                "household",
                "notes",
            ],
            Self::Devices => &["device", "model", "resident", "key", "key_hash", "status"],
        }
    }

    /// Columns a file may leave out; they then read as empty.
    pub fn may_miss(self, column: &str) -> bool {
        matches!(
            (self, column),
            (_, "status" | "why" | "name_latin" | "extent" | "area_code")
                | (Self::Devices, "key" | "key_hash")
        )
    }

    /// Whether it stands on a map: then it may come and go as GeoJSON too.
    pub fn on_map(self) -> bool {
        matches!(self, Self::Sites | Self::Crossings | Self::Barriers)
    }

    /// Holds personal data.
    pub fn personal(self) -> bool {
        matches!(self, Self::Residents | Self::Responders)
    }
}
