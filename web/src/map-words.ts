// The words of the map's tab.

import { wordsOf } from "./i18n.ts";

export const say = wordsOf({
  fr: {
    time: "Heure montrée",
    now: "Maintenant",
    endOfDay: "Fin du jour",
    play: "Faire passer la journée",
    pause: "Arrêter",
    then: "Comme on le savait alors",
    thenTitle: "Montrer les événements tels qu’ils étaient connus à cette heure, avant leurs révisions",
    events: "Événements",
    eventsAt: (time: string) => `Événements jusqu’à ${time}`,
    eventsThen: (time: string) => `Ce que l’on savait à ${time}`,
    noEvents: "Aucun événement jusque-là.",
    noSources: "Aucune source d’événements n’est activée.",
    failed: "Les points de cette heure n’ont pas pu être lus",
    cut: (shown: number, all: number) => `Les ${shown} derniers de ${all}.`,
    revised: "révisé depuis",
    revisedTitle: "Une autre version compte aujourd’hui",
  },
  en: {
    time: "Time shown",
    now: "Now",
    endOfDay: "End of day",
    play: "Let the day pass",
    pause: "Stop",
    then: "As it was known then",
    thenTitle: "Show events as they were known at that time, before they were revised",
    events: "Events",
    eventsAt: (time) => `Events until ${time}`,
    eventsThen: (time) => `What was known at ${time}`,
    noEvents: "No event until then.",
    noSources: "No source of events is enabled.",
    failed: "The points of that time could not be read",
    cut: (shown, all) => `The latest ${shown} of ${all}.`,
    revised: "revised since",
    revisedTitle: "Another version counts today",
  },
});
