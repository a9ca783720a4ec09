// The words of the dialog about figures that have several origins, and about the downloads themselves.

import { wordsOf } from "./i18n.ts";

export const say = wordsOf({
  fr: {
    back: "Retour",
    of: (what: string) => `À propos de : ${what}`,
    origins: "Origines",
    long: "La période est longue : chaque partie mène à ses téléchargements.",
    newest: (shown: string, all: string) => `Voici les ${shown} plus récents sur ${all} ; les autres se trouvent par période plus courte.`,
    parts: "Par période plus courte",
    started: "Tous les téléchargements lancés pendant cette période, quelle qu’en soit l’issue. C’est le registre qui les compte.",
    endedSo: "Les téléchargements de la source qui ont fini ainsi, d’après le registre.",
    next: "En montrer plus",
    none: "Le registre n’a pas de tel téléchargement.",
    shown: (count: string) => `${count} montrés`,
  },
  en: {
    back: "Back",
    of: (what) => `About: ${what}`,
    origins: "Origins",
    long: "The period is long: each part of it leads to its downloads.",
    newest: (shown, all) => `These are the latest ${shown} of ${all}; the others are found by shorter periods.`,
    parts: "By shorter periods",
    started: "All downloads that were started in this period, however they ended. The ledger counts them.",
    endedSo: "The downloads of the source that ended so, as the ledger has them.",
    next: "Show more",
    none: "The ledger has no such download.",
    shown: (count) => `${count} shown`,
  },
});
