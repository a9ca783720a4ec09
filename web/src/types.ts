// The shapes that the server sends, by the names that the page uses. They are generated: the server's tests write
// openapi.json, and `npm run generate` writes schema.d.ts from it.

import type { components } from "./schema.d.ts";

type Schemas = components["schemas"];

export type Text = Schemas["Text"];
export type Zone = Schemas["Zone"];
export type Period = Schemas["Period"];
export type Measure = Schemas["Measure"];
export type Figures = Schemas["Figures"];
export type Credit = Schemas["Credit"];
export type Freshness = Schemas["Freshness"];
export type Problem = Schemas["Problem"];
export type CaptureCount = Schemas["CaptureCount"];
export type Headline = Schemas["Headline"];
export type Mark = Schemas["Mark"];
export type Band = Schemas["Band"];
export type Findings = Schemas["Findings"];
export type Said = Schemas["Said"];
export type Origin = Schemas["Origin"];
export type Series = Schemas["Series"];
export type Chart = Schemas["Chart"];
export type MapPoint = Schemas["MapPoint"];
export type MapSettings = Schemas["MapSettings"];
export type NamedPlace = Schemas["NamedPlace"];
export type Places = Schemas["Places"];
export type Track = Schemas["Track"];
export type TrackPoint = Schemas["TrackPoint"];
export type EntityLine = Schemas["EntityLine"];
export type EventLine = Schemas["EventLine"];
export type SourceAnalysis = Schemas["SourceAnalysis"];
export type Analysis = Schemas["Day"];
export type Measures = Schemas["Measures"];
export type SourceMeasures = Schemas["SourceMeasures"];
export type SeriesAnswer = Schemas["SeriesAnswer"];
export type SeriesLine = Schemas["SeriesLine"];
export type EntityEntry = Schemas["EntityEntry"];
export type EntitiesAnswer = Schemas["EntitiesAnswer"];
export type EventEntry = Schemas["EventEntry"];
export type EventsAnswer = Schemas["EventsAnswer"];
export type CorrelationAnswer = Schemas["CorrelationAnswer"];
export type Step = Schemas["Step"];
