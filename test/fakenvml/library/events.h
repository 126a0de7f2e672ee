#ifndef FAKENVML_EVENTS_H
#define FAKENVML_EVENTS_H

#pragma GCC visibility push(hidden)

/* Gives the events that are new in the scenario to the event sets. */
void queue_events(void);

#pragma GCC visibility pop

#endif
