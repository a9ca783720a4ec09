//! New York City Transit: trains of the lines A, C, E, H and FS as GTFS-realtime.
//!
//! A protobuf message with the NYCT extension 1001, published twice a minute. For each trip there
//! is an entity with its coming stops and, once the train has left, one with its position.
//! Entities are numbered anew in every message: the same train gets another id.
//! Format: <https://gtfs.org/documentation/realtime/proto/>, subset written by hand.

use jiff::Timestamp;
use prost::Message;

use super::{Ask, Page, World, hill, hour_of_day, instant};
use crate::random::Random;

/// Seconds between two messages.
const MESSAGE_PERIOD: i64 = 30;
/// Trips are announced so long before they leave.
const ANNOUNCED: i64 = 25 * 60;
/// `VehicleStopStatus` of GTFS-realtime.
const STOPPED_AT: i32 = 1;
const IN_TRANSIT_TO: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct FeedMessage {
    #[prost(message, required, tag = "1")]
    header: FeedHeader,
    #[prost(message, repeated, tag = "2")]
    entity: Vec<FeedEntity>,
}

#[derive(Clone, PartialEq, Message)]
struct FeedHeader {
    #[prost(string, required, tag = "1")]
    gtfs_realtime_version: String,
    #[prost(uint64, optional, tag = "3")]
    timestamp: Option<u64>,
    #[prost(message, optional, tag = "1001")]
    nyct: Option<NyctFeedHeader>,
}

#[derive(Clone, PartialEq, Message)]
struct NyctFeedHeader {
    #[prost(string, required, tag = "1")]
    subway_version: String,
}

#[derive(Clone, PartialEq, Message)]
struct FeedEntity {
    #[prost(string, required, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "3")]
    trip_update: Option<TripUpdate>,
    #[prost(message, optional, tag = "4")]
    vehicle: Option<VehiclePosition>,
}

#[derive(Clone, PartialEq, Message)]
struct TripUpdate {
    #[prost(message, required, tag = "1")]
    trip: TripDescriptor,
    #[prost(message, repeated, tag = "2")]
    stop_time_update: Vec<StopTimeUpdate>,
}

#[derive(Clone, PartialEq, Message)]
struct TripDescriptor {
    #[prost(string, optional, tag = "1")]
    trip_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    start_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    start_date: Option<String>,
    #[prost(string, optional, tag = "5")]
    route_id: Option<String>,
    #[prost(message, optional, tag = "1001")]
    nyct: Option<NyctTripDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct NyctTripDescriptor {
    #[prost(string, optional, tag = "1")]
    train_id: Option<String>,
    #[prost(bool, optional, tag = "2")]
    is_assigned: Option<bool>,
    /// 1 is north, 3 is south.
    #[prost(int32, optional, tag = "3")]
    direction: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
struct StopTimeUpdate {
    #[prost(message, optional, tag = "2")]
    arrival: Option<StopTimeEvent>,
    #[prost(message, optional, tag = "3")]
    departure: Option<StopTimeEvent>,
    #[prost(string, optional, tag = "4")]
    stop_id: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct StopTimeEvent {
    #[prost(int64, optional, tag = "2")]
    time: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct VehiclePosition {
    #[prost(message, optional, tag = "1")]
    trip: Option<TripDescriptor>,
    #[prost(uint32, optional, tag = "3")]
    current_stop_sequence: Option<u32>,
    #[prost(int32, optional, tag = "4")]
    current_status: Option<i32>,
    #[prost(uint64, optional, tag = "5")]
    timestamp: Option<u64>,
    #[prost(string, optional, tag = "7")]
    stop_id: Option<String>,
}

/// A line: its stops southward, and trains an hour in each direction.
struct Line {
    route: &'static str,
    stops: &'static [&'static str],
    at_night: f64,
    by_day: f64,
    /// More of them in the rush hours.
    rush: f64,
}

const LINES: [Line; 5] = [
    Line {
        route: "A",
        stops: &[
            "A02", "A03", "A05", "A06", "A07", "A09", "A12", "A15", "A24", "A27", "A28", "A31",
            "A32", "A34", "A36", "A38", "A40", "A41", "A42", "A46", "A48", "A51", "A55", "A57",
            "A59", "A60", "A61", "H02", "H03", "H04", "H06", "H07", "H08", "H09", "H10", "H11",
        ],
        at_night: 3.0,
        by_day: 7.0,
        rush: 8.0,
    },
    Line {
        route: "C",
        stops: &[
            "A09", "A10", "A11", "A12", "A14", "A15", "A16", "A17", "A18", "A19", "A20", "A21",
            "A22", "A24", "A25", "A27", "A28", "A30", "A31", "A32", "A33", "A34", "A36", "A38",
            "A40", "A41", "A42", "A43", "A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51",
            "A52", "A53", "A54", "A55",
        ],
        at_night: 0.0,
        by_day: 6.0,
        rush: 3.0,
    },
    Line {
        route: "E",
        stops: &[
            "G05", "G06", "G07", "F06", "G08", "G14", "G21", "F09", "F11", "F12", "D14", "A25",
            "A27", "A28", "A30", "A31", "A32", "A33", "A34", "E01",
        ],
        at_night: 3.0,
        by_day: 8.0,
        rush: 7.0,
    },
    Line {
        route: "H",
        stops: &["H19", "H04", "H12", "H13", "H14", "H15"],
        at_night: 2.0,
        by_day: 3.0,
        rush: 2.0,
    },
    Line {
        route: "FS",
        stops: &["S01", "S03", "S04", "D26"],
        at_night: 3.0,
        by_day: 6.0,
        rush: 1.0,
    },
];

/// One train on its way, or about to leave.
struct Train {
    line: usize,
    north: bool,
    departure: i64,
    delay: f64,
}

/// Seconds from the first stop to each stop, for each line.
pub(super) fn running_times(seed: u64) -> Vec<Vec<f64>> {
    let of_line = |(line, number): (&Line, u64)| {
        let mut random = Random::keyed(seed, &[0x5c, number]);
        let mut running = 0.0;
        let times = line.stops.iter().map(|_| {
            let here = running;
            running += random.between(80.0, 150.0);
            here
        });
        times.collect()
    };
    LINES.iter().zip(0..).map(of_line).collect()
}

pub(super) fn page(world: &World, ask: &Ask<'_>) -> Page {
    let now = ask.at.as_second().div_euclid(MESSAGE_PERIOD) * MESSAGE_PERIOD;
    let mut entity = Vec::with_capacity(512);
    for train in trains(world, now) {
        add_entities(world, &train, now, &mut entity);
    }
    let entity = entity
        .into_iter()
        .enumerate()
        .filter(|(index, _)| ask.shape.keeps(*index))
        .map(|(_, entity)| entity)
        .collect();
    let message = FeedMessage {
        header: FeedHeader {
            gtfs_realtime_version: "1.0".to_owned(),
            timestamp: Some(now.cast_unsigned()),
            nyct: Some(NyctFeedHeader {
                subway_version: "1.0".to_owned(),
            }),
        },
        entity,
    };
    Page::new("application/x-protobuf", message.encode_to_vec())
}

/// The trains that a message at `now` speaks of, in the order of lines and departures.
fn trains(world: &World, now: i64) -> Vec<Train> {
    let hour = now.div_euclid(3600);
    let mut trains = Vec::with_capacity(256);
    for (line, number) in LINES.iter().zip(0..) {
        for north in [true, false] {
            for hour in hour - 2..=hour + 1 {
                let keys = [0x5b, number as u64, u64::from(north), hour.cast_unsigned()];
                let mut random = Random::keyed(world.seed, &keys);
                let wanted = per_hour(line, instant(hour * 3600 + 1800), world, north);
                let count = wanted.floor() as i64 + i64::from(random.chance(wanted.fract()));
                for index in 0..count {
                    let into = (index as f64 + random.between(0.2, 0.8)) / count as f64;
                    // Half minutes, as in the timetable.
                    let departure = hour * 3600 + (into * 120.0) as i64 * 30;
                    let delay = random.exponential(70.0).min(900.0);
                    trains.push(Train {
                        line: number,
                        north,
                        departure,
                        delay,
                    });
                }
            }
        }
    }
    trains.retain(|train| {
        let stops = LINES[train.line].stops.len();
        train.departure - ANNOUNCED <= now && now < train.passes(world, stops - 1).1
    });
    trains
}

/// Trains an hour: two rush hours on working days, towards Manhattan first.
fn per_hour(line: &Line, at: Timestamp, world: &World, north: bool) -> f64 {
    let hour = hour_of_day(at, &world.new_york);
    let date = world.new_york.to_offset(at).to_datetime(at).date();
    let rest_day = date.weekday().to_monday_zero_offset() >= 5;
    let awake = 1.0 - hill(hour, 2.75, 2.6).powf(0.5);
    let (morning, evening) = if north { (1.0, 0.75) } else { (0.75, 1.0) };
    let rush = morning * hill(hour, 8.0, 1.5) + evening * hill(hour, 17.6, 1.9);
    let rush = if rest_day { 0.0 } else { line.rush * rush };
    line.at_night + (line.by_day - line.at_night) * awake.clamp(0.0, 1.0) + rush
}

impl Train {
    fn stop(&self, position: usize) -> &'static str {
        let stops = LINES[self.line].stops;
        stops[if self.north {
            stops.len() - 1 - position
        } else {
            position
        }]
    }

    /// Arrival at and departure from the stop at `position` on the way. A delay builds up over
    /// the first half of the way.
    fn passes(&self, world: &World, position: usize) -> (i64, i64) {
        let running = &world.running_times[self.line];
        let share = (2.0 * position as f64 / running.len() as f64).min(1.0);
        let arrival = self.departure + (running[position] + self.delay * share) as i64;
        (arrival, arrival + 25)
    }

    fn descriptor(&self, world: &World, assigned: bool) -> TripDescriptor {
        let line = &LINES[self.line];
        let at = instant(self.departure);
        let local = world.new_york.to_offset(at).to_datetime(at);
        let seconds = i32::from(local.hour()) * 3600
            + i32::from(local.minute()) * 60
            + i32::from(local.second());
        // Hundredths of a minute after midnight.
        let origin = seconds * 100 / 60;
        let way = if self.north { "N" } else { "S" };
        let route = line.route;
        let (from, to) = (self.stop(0), self.stop(line.stops.len() - 1));
        let clock = local.strftime("%H%M");
        TripDescriptor {
            trip_id: Some(format!("{origin:06}_{route}..{way}")),
            start_time: Some(local.strftime("%H:%M:%S").to_string()),
            start_date: Some(local.strftime("%Y%m%d").to_string()),
            route_id: Some(route.to_owned()),
            nyct: Some(NyctTripDescriptor {
                train_id: Some(format!("1{route} {clock} {from}/{to}")),
                is_assigned: Some(assigned),
                direction: Some(if self.north { 1 } else { 3 }),
            }),
        }
    }
}

fn add_entities(world: &World, train: &Train, now: i64, entities: &mut Vec<FeedEntity>) {
    let stops = LINES[train.line].stops.len();
    let way = if train.north { "N" } else { "S" };
    let route = LINES[train.line].route;
    let left = train.departure <= now;
    let trip = train.descriptor(world, left);
    let event = |time| Some(StopTimeEvent { time: Some(time) });
    let mut position = None;
    let mut updates = Vec::with_capacity(stops);
    for index in 0..stops {
        let (arrival, departure) = train.passes(world, index);
        if departure <= now {
            continue;
        }
        let stop = format!("{}{way}", train.stop(index));
        if position.is_none() {
            let status = if arrival <= now {
                STOPPED_AT
            } else {
                IN_TRANSIT_TO
            };
            let since = if arrival <= now {
                arrival
            } else {
                // The time at which it left the stop before.
                train.passes(world, index.saturating_sub(1)).1.min(now)
            };
            position = Some((
                index as u32 + 1,
                status,
                since.cast_unsigned(),
                stop.clone(),
            ));
        }
        updates.push(StopTimeUpdate {
            arrival: (index > 0).then(|| event(arrival)).flatten(),
            departure: (index + 1 < stops).then(|| event(departure)).flatten(),
            stop_id: Some(stop),
        });
    }
    let mut add = |trip_update, vehicle| {
        entities.push(FeedEntity {
            id: format!("{:06}{route}", entities.len() + 1),
            trip_update,
            vehicle,
        });
    };
    let update = TripUpdate {
        trip: trip.clone(),
        stop_time_update: updates,
    };
    add(Some(update), None);
    if let (true, Some((sequence, status, since, stop))) = (left, position) {
        let vehicle = VehiclePosition {
            trip: Some(trip),
            current_stop_sequence: Some(sequence),
            current_status: Some(status),
            timestamp: Some(since),
            stop_id: Some(stop),
        };
        add(None, Some(vehicle));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::provider::Shape;

    fn message(at: &str) -> FeedMessage {
        let ask = Ask {
            at: at.parse().unwrap(),
            query: &HashMap::new(),
            shape: Shape::WHOLE,
        };
        FeedMessage::decode(page(&World::new(9, 0), &ask).bytes.as_slice()).unwrap()
    }

    fn vehicles(message: &FeedMessage) -> HashMap<String, &FeedEntity> {
        message
            .entity
            .iter()
            .filter_map(|entity| {
                let trip = entity.vehicle.as_ref()?.trip.as_ref()?;
                Some((trip.trip_id.clone()? + trip.start_date.as_ref()?, entity))
            })
            .collect()
    }

    #[test]
    fn a_message_has_the_five_lines_and_is_as_large_as_a_real_one() {
        // Tuesday, 08:10 in New York.
        let message = message("2026-11-24T13:10:42Z");
        assert_eq!(message.header.timestamp, Some(1_795_525_830));
        let routes: HashSet<_> = message
            .entity
            .iter()
            .filter_map(|entity| entity.trip_update.as_ref()?.trip.route_id.as_deref())
            .collect();
        assert_eq!(routes, HashSet::from(["A", "C", "E", "H", "FS"]));
        let bytes = message.encoded_len();
        assert!((50_000..250_000).contains(&bytes), "{bytes}");
        let trips: HashSet<_> = message
            .entity
            .iter()
            .filter_map(|entity| {
                let trip = &entity.trip_update.as_ref()?.trip;
                Some((trip.trip_id.clone()?, trip.start_date.clone()?))
            })
            .collect();
        let updates = message
            .entity
            .iter()
            .filter(|one| one.trip_update.is_some());
        assert_eq!(trips.len(), updates.count());
    }

    #[test]
    fn stops_lie_ahead_and_in_order() {
        let message = message("2026-11-24T13:10:00Z");
        let now = message.header.timestamp.unwrap().cast_signed();
        for update in message
            .entity
            .iter()
            .filter_map(|one| one.trip_update.as_ref())
        {
            let times: Vec<i64> = update
                .stop_time_update
                .iter()
                .filter_map(|stop| stop.departure.as_ref().or(stop.arrival.as_ref())?.time)
                .collect();
            assert!(!times.is_empty());
            assert!(times.iter().all(|time| *time > now));
            assert!(times.is_sorted());
        }
    }

    #[test]
    fn rush_hours_have_many_more_trains_than_nights() {
        let rush = message("2026-11-24T13:15:00Z");
        let night = message("2026-11-24T08:00:00Z");
        assert!(vehicles(&rush).len() > 2 * vehicles(&night).len());
        assert!(vehicles(&night).len() > 4);
    }

    #[test]
    fn the_same_train_gets_another_entity_id() {
        let before = message("2026-11-24T13:10:00Z");
        let after = message("2026-11-24T13:15:00Z");
        let (before, after) = (vehicles(&before), vehicles(&after));
        let both: Vec<_> = before
            .keys()
            .filter(|trip| after.contains_key(*trip))
            .collect();
        assert!(both.len() > 20, "{}", both.len());
        let renumbered = both
            .iter()
            .filter(|trip| before[**trip].id != after[**trip].id)
            .count();
        assert!(
            renumbered * 2 > both.len(),
            "{renumbered} of {}",
            both.len()
        );
    }
}
