//! Places: degrees, or GeoJSON geometries.

use vigie_core::row::Point;

use crate::{
    item::Item,
    node::{Name, Node},
    number,
    spec::{Numeric, Place},
};

/// Where a row is; `Ok(None)` where it does not say. The error is the path and what stands there.
pub(crate) fn read(place: &Place, item: &Item<'_, '_>) -> Result<Option<Point>, (String, String)> {
    match place {
        Place::Degrees { lon, lat } => {
            let (Some(lon_node), Some(lat_node)) = (item.value(lon), item.value(lat)) else {
                return Ok(None);
            };
            let numeric = Numeric::default();
            let degrees = |node: Node<'_>| number::read(node, &numeric).ok().flatten();
            let point = match (degrees(lon_node), degrees(lat_node)) {
                (Some(lon), Some(lat)) => Point::new(lon, lat),
                _ => None,
            };
            point.map(Some).ok_or_else(|| {
                let value = format!("{}, {}", lon_node.excerpt(), lat_node.excerpt());
                (format!("{lon}, {lat}"), value)
            })
        }
        Place::Geometry(path) => {
            let Some(geometry) = item.find(path).filter(|node| !node.is_absent()) else {
                return Ok(None);
            };
            let mut bounds = None;
            collect(geometry, &mut bounds);
            let Some([west, south, east, north]) = bounds else {
                return Err((path.to_string(), "no coordinates".to_owned()));
            };
            Point::new(f64::midpoint(west, east), f64::midpoint(south, north))
                .map(Some)
                .ok_or_else(|| {
                    (
                        path.to_string(),
                        format!("{west}, {south}, {east}, {north}"),
                    )
                })
        }
    }
}

/// The bounding box of a geometry, of any type.
fn collect(node: Node<'_>, bounds: &mut Option<[f64; 4]>) {
    let number = |node: Option<&Node<'_>>| match node {
        Some(Node::Integer(value)) => Some(*value as f64),
        Some(Node::Float(value)) => Some(*value),
        _ => None,
    };
    match node {
        Node::Map(_) => {
            for part in ["coordinates", "geometries"] {
                if let Some(inner) = node.member(Name::new(part)) {
                    collect(inner, bounds);
                }
            }
        }
        Node::List(list) => {
            if let (Some(lon), Some(lat)) = (number(list.first()), number(list.get(1))) {
                let [west, south, east, north] = bounds.unwrap_or([lon, lat, lon, lat]);
                *bounds = Some([west.min(lon), south.min(lat), east.max(lon), north.max(lat)]);
            } else {
                for inner in list {
                    collect(*inner, bounds);
                }
            }
        }
        _ => {}
    }
}
