/** Copies of a delivery that wait at a node until nothing else of the delivery is on its way: `DeliveryTracker.park`. */
import type { Delivery, Gathering, Place } from './delivery'

/** One more copy waits. @param place of the node of the gathering */
export function addGathering(delivery: Delivery, gathering: Gathering, place: Place): void {
  delivery.parked++
  place.parked++
  delivery.gatherings ??= new Set()
  delivery.gatherings.add(gathering)
}

/** Nothing but waiting copies is left. What is completed last waits on when others are there. */
export function completeGatherings(delivery: Delivery): void {
  const all = [...(delivery.gatherings ?? [])]
  const first = all.filter(({ isLast }) => isLast !== true)
  const due = first.length > 0 ? first : all
  for (const gathering of due) {
    delivery.gatherings?.delete(gathering)
    const place = delivery.places.get(gathering.node)
    if (place === undefined) continue
    delivery.parked -= place.parked
    place.parked = 0
  }
  for (const gathering of due) gathering.complete()
}

/** The delivery is over. */
export function dropGatherings(delivery: Delivery): void {
  const { gatherings } = delivery
  if (gatherings === undefined) return
  delivery.gatherings = undefined
  delivery.parked = 0
  for (const gathering of gatherings) gathering.drop()
}
