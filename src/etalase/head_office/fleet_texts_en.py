"""Lists the texts of the fleet in English."""

from typing import Final

TEXTS: Final[dict[str, str]] = {
    "fleet_cause_overdue": "Promised to report and did not. Its line, its power or its edge server is down.",
    "fleet_cause_two_edges": "Two edge servers report for this store. Switch one off.",
    "fleet_cause_cloned": "Two machines report as the same edge server: one is a copy. Switch the copy off.",
    "fleet_cause_challenge_failed": "Could not prove that it has the bytes of a photo. Its disk or bucket has lost "
    "or changed them.",
    "fleet_cause_damaged": "Photos damaged on the store's disk or bucket: {photos}.",
    "fleet_cause_owed": "Photos that could not be loaded: {photos}. The faults below say why.",
    "fleet_cause_parked": "Photos that wait for their product from the store's own menu: {photos}.",
    "fleet_cause_different": "Its photos differ from what head office lists, although nothing changed since its last run.",
    "fleet_cause_held": "Removals that a person in the store has to agree to: {photos}.",
    "fleet_cause_loading": "Is loading. Photos on their way: {photos}.",
    "fleet_cause_changed": "Head office changed something; the store fetches it by its next run.",
    "fleet_cause_checkpoint_ahead": "Its last run is later than head office's clock, as after a restore of head office.",
    "fleet_cause_not_looked": "Has not looked at its photos yet.",
    "fleet_cause_not_proved": "Says that it has every photo, and has not proved it within 24 hours.",
    "fleet_side_head_office_data": "head office: the data",
    "fleet_side_head_office_object": "head office: the picture file",
    "fleet_side_link": "the line to the store",
    "fleet_side_store": "the store: disk, bucket or settings",
    "fleet_side_product_feed": "the store's own menu",
}
