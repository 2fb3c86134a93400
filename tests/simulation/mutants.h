/*  Switchboards with a rule broken on purpose, to see that the simulation notices.
 *
 *  The switchboard itself knows nothing of this: the program `simulation_mutants` is linked with
 *  some of its functions wrapped (-Wl,--wrap), and the wrappers misbehave now and then if theirs is
 *  the mutant of the day. In the program `simulation` there are none.
 */
#ifndef TESTS_SIMULATION_MUTANTS_H
#define TESTS_SIMULATION_MUTANTS_H

// What they do wrong, up to a NULL.
extern const char *const mutant_names[];

// Which one is at work: an index into the names.
extern int mutant;

#endif
