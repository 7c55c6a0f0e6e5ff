//! The ground ways are reckoned on: a sheet, a town, what cuts it apart, and the crossings that are open.
//!
//! For: on which sides of which barriers a place lies, the same on any machine.
//! May not know: how long a way takes (`routing`), sites, residents.

use crate::{
    BarrierId, CrossingId,
    area::{BARRIERS, BarrierRecord, CityRecord, Extent},
    crossing::CrossingRecord,
    geography::{Place, Point, Sheet, Side, beside},
    party::Traveller,
};

/// The ground as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    sheet: Sheet,
    town: Point,
    town_radius_m: i64,
    /// By id.
    barriers: Vec<Barrier>,
    /// By id.
    pub(crate) crossings: Vec<Crossing>,
}

/// A barrier on the sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Barrier {
    id: BarrierId,
    corners: Vec<Point>,
    extent: Extent,
}

/// A crossing that is open, on the sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crossing {
    pub(crate) id: CrossingId,
    pub(crate) at: Point,
    pub(crate) travellers: Vec<Traveller>,
    /// The barrier it leads over: the nearest.
    pub(crate) over: usize,
    /// Where it lies as seen from the others.
    pub(crate) sides: Sides,
}

/// For each barrier the side; `None`: it does not reach there, or there are not so many.
pub(crate) type Sides = [Option<Side>; BARRIERS];

impl Ground {
    /// The ground of a city. More than [`BARRIERS`] barriers are not looked at: those with the smallest ids count.
    pub fn new<'a, 'b>(
        sheet: Sheet,
        city: &CityRecord,
        barriers: impl IntoIterator<Item = &'a BarrierRecord>,
        crossings: impl IntoIterator<Item = &'b CrossingRecord>,
    ) -> Self {
        let drawn = |record: &BarrierRecord| Barrier {
            id: record.barrier.clone(),
            corners: record.points.iter().map(|it| sheet.point(*it)).collect(),
            extent: record.extent,
        };
        let mut barriers: Vec<Barrier> = barriers.into_iter().map(drawn).collect();
        barriers.sort_by(|a, b| a.id.cmp(&b.id));
        barriers.truncate(BARRIERS);
        let mut ground = Self {
            sheet,
            town: sheet.point(city.centre()),
            town_radius_m: i64::from(city.town_radius_m),
            barriers,
            crossings: Vec::new(),
        };
        let open = crossings.into_iter().filter_map(|it| ground.crossing(it));
        let mut open: Vec<Crossing> = open.collect();
        open.sort_by(|a, b| a.id.cmp(&b.id));
        ground.crossings = open;
        ground
    }

    /// `None`: there is nothing to cross.
    fn crossing(&self, record: &CrossingRecord) -> Option<Crossing> {
        let at = self.sheet.point(Place {
            lon_e6: record.lon_e6,
            lat_e6: record.lat_e6,
        });
        let away = self.barriers.iter().enumerate();
        let away = away.filter_map(|(n, it)| Some((beside(at, &it.corners)?.squared_m, n)));
        let (_, over) = away.min()?;
        Some(Crossing {
            id: record.crossing.clone(),
            at,
            travellers: record.travellers.clone(),
            over,
            sides: self.sides(at),
        })
    }

    /// A place on the sheet.
    pub fn point(&self, place: Place) -> Point {
        self.sheet.point(place)
    }

    /// As the crow flies, in whole metres.
    pub fn metres(&self, from: Place, to: Place) -> i64 {
        self.sheet.metres(from, to)
    }

    /// Whether streets are a town's there.
    pub(crate) fn in_town(&self, at: Point) -> bool {
        at.metres_to(self.town) <= self.town_radius_m
    }

    /// On which side of each barrier a point lies.
    pub(crate) fn sides(&self, at: Point) -> Sides {
        let mut sides = [None; BARRIERS];
        for (side, barrier) in sides.iter_mut().zip(&self.barriers) {
            *side = barrier.side(at);
        }
        sides
    }

    /// The side of one barrier; `None`: there is no such barrier, or it does not reach there.
    pub fn side(&self, barrier: &BarrierId, place: Place) -> Option<Side> {
        let barrier = self.barriers.iter().find(|it| it.id == *barrier)?;
        barrier.side(self.point(place))
    }
}

impl Barrier {
    fn side(&self, at: Point) -> Option<Side> {
        let beside = beside(at, &self.corners)?;
        (self.extent == Extent::Through || !beside.beyond).then_some(beside.side)
    }
}

#[cfg(test)]
#[path = "ground_tests.rs"]
mod tests;
