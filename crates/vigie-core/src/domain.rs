//! What sources are about.

use crate::text::Text;

macro_rules! domains {
    ($($name:ident $word:literal $fr:literal $en:literal;)*) => {
        /// What a source is about. The order is that of the pages and reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Domain {
            $(#[doc = $en] $name,)*
        }

        impl Domain {
            /// Every domain, in order.
            pub const ALL: &[Domain] = &[$(Domain::$name),*];

            /// The word used in definitions, catalogue folders and exports.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Domain::$name => $word,)*
                }
            }

            /// Its name for people.
            pub fn title(self) -> Text {
                match self {
                    $(Domain::$name => Text::new($fr, $en),)*
                }
            }
        }
    };
}

domains! {
    Weather "weather" "Météo" "Weather";
    Markets "markets" "Bourse et changes" "Stock market and currencies";
    Social "social" "Réseaux sociaux" "Social networks";
    Earthquakes "earthquakes" "Séismes" "Earthquakes";
    Storms "storms" "Tempêtes et cyclones" "Storms and cyclones";
    Video "video" "Partage de vidéos" "Video sharing";
    Music "music" "Musique" "Music";
    Transport "transport" "Transports" "Transport";
    Energy "energy" "Électricité et gaz" "Electricity and gas";
    Commerce "commerce" "Commerce en ligne" "Online commerce";
    AirQuality "air-quality" "Qualité de l’air" "Air quality";
    Rivers "rivers" "Cours d’eau" "Rivers";
    SpaceWeather "space-weather" "Météo de l’espace" "Space weather";
    Wildfires "wildfires" "Feux de forêt" "Wildfires";
    WebActivity "web-activity" "Activité du Web" "Web activity";
    News "news" "Actualité" "News";
    Culture "culture" "Culture" "Culture";
    Sport "sport" "Sport" "Sport";
}

impl Domain {
    /// The domain of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|domain| domain.as_str() == word)
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
