/*
 * How a task is claimed, revoked and settled, with a death possible at every
 * step: the protocol of src/rules/page.h, for spin.  README says what is
 * modelled, what is left out, and which properties are checked; check.sh runs
 * all of it.
 *
 * One step here is one access to something shared in the C code.  A region
 * under a lock is one step only when at most one access in it is to something
 * that the worker, who takes no locks, touches as well.
 */

/* ------------------------------------------------------------ The sizes */

#ifndef TASKS
#define TASKS 3
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef DEATHS
#define DEATHS 1 /* not asked for, of all workers together */
#endif
#ifndef REFRESHES
#define REFRESHES 0 /* of all workers together */
#endif
#ifndef LATE
#define LATE 0 /* tasks that are submitted while the others run */
#endif
#ifndef UNITS
#define UNITS 1 /* a result is so many units of the stream */
#endif
#ifndef RING
#define RING 1 /* units in the outbox ring */
#endif
#ifndef PIPE
#define PIPE 1 /* units in the result pipe */
#endif

#ifndef FRAMES
#define FRAMES SLOTS /* frames in the task pipe */
#endif

/* The C code counts sequences up for ever; here they go round, which is the
 * same as long as all that can be alive at once are told apart. */
#define SEQUENCES (2 * SLOTS)

/* --------------------------------------------------------- Shared memory */

/* A claim word: a sequence and one of these. */
#define FREE 0
#define OFFERED 1
#define CLAIMED 2
#define REVOKED 3
#ifdef MUTANT_SLOT_EARLY
#define WORD(n, state) (state)
#else
#define WORD(n, state) ((n) * 4 + (state))
#endif
#define SLOT(w, n) ((w) * SLOTS + (n) % SLOTS)

/* A unit of the stream: sequence, task, and which part of the result. */
#define UNIT(n, t, part) ((((n) * TASKS + (t)) * UNITS + (part)) + 1)
#define UNIT_SEQUENCE(u) (((u) - 1) / UNITS / TASKS)
#define UNIT_TASK(u) (((u) - 1) / UNITS % TASKS)
#define UNIT_PART(u) (((u) - 1) % UNITS)

/* The page and the pipes of each worker's present life. */
byte claims[WORKERS * SLOTS];
byte ring[WORKERS * RING];
byte committed[WORKERS]; /* units that are whole results */
byte writing[WORKERS]; /* units before it minus RING may be gone */
byte passed[WORKERS]; /* frames run or skipped */
chan frames[WORKERS] = [FRAMES] of { byte, byte }; /* sequence, task */
chan results[WORKERS] = [PIPE] of { byte };

/* A worker goes NEVER, ALIVE, DYING, DEAD, ALIVE ...; it takes no step once
 * it is DYING, and the host is told of it when it is DEAD. */
#define NEVER 0
#define ALIVE 1
#define DYING 2
#define DEAD 3
byte life[WORKERS];
bit killed[WORKERS]; /* the host has sent SIGKILL */

/* Each worker's channel in the host.  Under its lock. */
bit locked[WORKERS];
byte flight[WORKERS * SLOTS]; /* task + 1, or 0 */
byte next[WORKERS]; /* sequence of the next frame */
bit waiting[WORKERS]; /* the monitor sleeps until a slot is free */

/* The pool.  Under its lock, whose regions are one step each.  Tasks are
 * alike until one is first taken, so these are taken in order; those that
 * came back are taken in any order. */
byte accepted = TASKS - LATE;
byte fresh; /* of the accepted, the first never taken */
byte back; /* bits: those that came back */
bit stopping; /* shut down */
byte refreshes = REFRESHES;

#define QUEUED (fresh < accepted || back != 0)

/* ---------------------------------------------- What is to be true of it */

#define OPEN 0
#define DONE 1
#define DIED 2 /* blamed for a death */
#define SHUT 3
#define REFUSED 4 /* never accepted */
byte outcome[TASKS];
byte ended; /* tasks with an outcome */
bit started[TASKS];
bit finished[TASKS]; /* its result is committed */
byte deaths = DEATHS;
bit submitted = (LATE == 0); /* all tasks there will be */
byte gone; /* monitors that have ended */

inline settle(task, how)
{
	assert(outcome[task] == OPEN);
	assert(how == DONE || !finished[task]);
	outcome[task] = how;
	ended++
}

inline start(task)
{
	assert(!started[task]);
	assert(outcome[task] == OPEN);
	started[task] = 1
}

inline finish(task)
{
	assert(outcome[task] == OPEN);
	finished[task] = 1
}

/* ------------------------------------------------------------ The worker */

/* Write one unit of the ring to the pipe. */
inline write_unit()
{
	atomic {
		sent < appended && nfull(results[w]) ->
		results[w]!ring[w * RING + sent % RING];
		sent++
	}
}

inline append_unit()
{
#ifndef MUTANT_OVERWRITE_UNSAID
	writing[w] = appended + 1;
#endif
	atomic {
		ring[w * RING + appended % RING] = UNIT(n, t, part);
		appended++;
		part++
	}
#ifdef MUTANT_OVERWRITE_UNSAID
	writing[w] = appended
#endif
}

/* Results that do not fit are in the pipe in part before they are committed;
 * their last unit never is. */
inline append_result()
{
	do
	:: part < UNITS && appended - sent < RING -> append_unit()
	:: part < UNITS && appended - sent == RING -> write_unit()
	:: part == UNITS -> break
	od
}

inline commit()
{
	atomic {
		part = 0;
		committed[w] = appended;
		finish(t)
	}
}

#ifdef MUTANT_COMMIT_LATE
inline claim_ahead()
{
	if
	:: frames[w]?[m, u] ->
	   frames[w]?<m, u>;
	   if
	   :: atomic {
		claims[SLOT(w, m)] == WORD(m, OFFERED) ->
		claims[SLOT(w, m)] = WORD(m, CLAIMED);
		ahead = 1
	      }
	   :: else
	   fi
	:: else
	fi
}
#endif

proctype Worker(byte w)
{
#ifdef MUTANT_COMMIT_LATE
	byte m, u;
	bit ahead;
#endif
	byte n, t; /* the frame */
	byte part; /* of its result, appended so far */
	byte appended, sent; /* units */

end_unborn:
	life[w] == ALIVE || life[w] == DYING;
	{
		do
		:: write_unit()
		:: frames[w]?n,t ->
#ifdef MUTANT_RUN_FIRST
			start(t);
#endif
			if
			:: atomic {
				claims[SLOT(w, n)] == WORD(n, OFFERED) ->
				claims[SLOT(w, n)] = WORD(n, CLAIMED)
			   }
#ifdef MUTANT_COMMIT_FIRST
			   committed[w] = appended + UNITS;
#endif
#ifndef MUTANT_RUN_FIRST
			   start(t);
#endif
			   append_result();
#ifdef MUTANT_COMMIT_LATE
			   claim_ahead();
#endif
#ifdef MUTANT_PASS_FIRST
			   passed[w] = (n + 1) % SEQUENCES;
#endif
			   commit()
#ifdef MUTANT_COMMIT_LATE
			:: ahead ->
			   ahead = 0;
			   start(t);
			   append_result();
			   commit()
#endif
			:: else
			fi;
			atomic {
				passed[w] = (n + 1) % SEQUENCES;
				n = 0;
				t = 0
			}
		od
	} unless {
		d_step {
			life[w] == DYING ->
			n = 0;
			t = 0;
			part = 0;
			appended = 0;
			sent = 0;
			life[w] = DEAD
		}
	}
	goto end_unborn
}

/* --------------------------------------------------- The host's channel */

/* Sequence n back from the newest frame: 0 is the newest. */
#define NEWEST(w, n) ((next[w] + SEQUENCES - 1 - (n)) % SEQUENCES)

#if SLOTS != 2
#error "what follows is written for two slots"
#endif
#define IN_FLIGHT(w) (flight[(w) * 2] != 0 || flight[(w) * 2 + 1] != 0)
#define ALL_IN_FLIGHT(w) (flight[(w) * 2] != 0 && flight[(w) * 2 + 1] != 0)

#ifdef MUTANT_THIEF_TAKES_ALL
#define SPARED(v) 0
#define TO_STEAL(v) IN_FLIGHT(v)
#else
#define SPARED(v) (i > 0 || !ALL_IN_FLIGHT(v))
#define TO_STEAL(v) ALL_IN_FLIGHT(v)
#endif

/* Slot n is free for sequence n + SLOTS when task n is out of flight and the
 * worker has passed frame n. */
#define BEHIND(w, n) ((next[w] + SEQUENCES - (n)) % SEQUENCES)
#define PASSED_OVER(w, n) \
	(flight[SLOT(w, n)] != 0 && BEHIND(w, n) > BEHIND(w, passed[w]))
#define FREE_BY_FLIGHT(w) (flight[SLOT(w, next[w])] == 0)
#define FREE_BY_PASSED(w) (BEHIND(w, known) < SLOTS)
#if defined(MUTANT_SLOT_EARLY)
#define ROOM(w) FREE_BY_FLIGHT(w)
#elif defined(MUTANT_SLOT_BY_PASSED)
#define ROOM(w) FREE_BY_PASSED(w)
#else
#define ROOM(w) (FREE_BY_FLIGHT(w) && FREE_BY_PASSED(w))
#endif

/* A monitor that sleeps until it has a slot is woken by what the worker
 * sends, and skipping a frame sends nothing: so there must be a result to
 * come, or a death. */
#define WILL_WAKE(w) (!waiting[w] || IN_FLIGHT(w) || life[w] != ALIVE)

/* Look for a slot; without one, be waiting. */
inline look_for_room()
{
	atomic {
		!locked[w] ->
		if
		:: ROOM(w)
		:: else ->
		   if
		   :: BEHIND(w, passed[w]) < BEHIND(w, known) ->
		      known = passed[w]
		   :: else
		   fi;
		   waiting[w] = !ROOM(w);
		   assert(WILL_WAKE(w))
		fi
	}
}

inline take_from_queue()
{
	if
	:: atomic { !stopping && fresh < accepted -> t = fresh; fresh++; has = 1 }
	:: atomic { !stopping && (back & 1) -> t = 0; back = back - 1; has = 1 }
	:: atomic { !stopping && (back & 2) -> t = 1; back = back - 2; has = 1 }
	:: atomic { !stopping && (back & 4) -> t = 2; back = back - 4; has = 1 }
	:: else
	fi
}

/* ------------------------------------------------------------ Revocation */

/* Whether there is a task in flight at sequence n that is still to claim. */
#define OPEN_TO_CLAIM(v, n) \
	(flight[SLOT(v, n)] != 0 && claims[SLOT(v, n)] == WORD(n, OFFERED))

/* A task is in flight there no longer. */
inline tombstone(v, n, task)
{
	task = flight[SLOT(v, n)] - 1;
	flight[SLOT(v, n)] = 0
}

/* Take one task from another worker, the newest it has not claimed.  One
 * stays in flight, so that its monitor has something to wake up for. */
inline steal(v)
{
	atomic { !locked[v] -> locked[v] = 1; i = 0 }
	do
	:: i < SLOTS && !has && !SPARED(v) ->
	   n = NEWEST(v, i);
#ifdef MUTANT_THIEF_STORES
	   if
	   :: OPEN_TO_CLAIM(v, n) ->
	      atomic {
		claims[SLOT(v, n)] = WORD(n, REVOKED);
		tombstone(v, n, t);
		has = 1
	      }
	   :: else
	   fi;
#else
	   if
	   :: atomic {
		OPEN_TO_CLAIM(v, n) ->
		claims[SLOT(v, n)] = WORD(n, REVOKED);
		tombstone(v, n, t);
		has = 1
	      }
	   :: else
	   fi;
#endif
	   i++
	:: else -> break
	od;
	atomic {
		assert(WILL_WAKE(v));
		locked[v] = 0;
		i = 0;
		n = 0
	}
}

/* Take back all that the own worker has not claimed. */
inline revoke_all()
{
	atomic { !locked[w] -> locked[w] = 1; i = 0 }
	do
	:: i < SLOTS ->
	   if
	   :: atomic {
		OPEN_TO_CLAIM(w, NEWEST(w, i)) ->
		claims[SLOT(w, NEWEST(w, i))] = WORD(NEWEST(w, i), REVOKED);
		tombstone(w, NEWEST(w, i), t);
		hand = hand | (1 << t)
	      }
	   :: else
	   fi;
	   i++
	:: else -> break
	od;
	atomic { locked[w] = 0; i = 0; t = 0 }
}

inline settle_hand(how)
{
	d_step {
		t = 0;
		do
		:: t < TASKS ->
		   if
		   :: hand & (1 << t) -> settle(t, how)
		   :: else
		   fi;
		   t++
		:: else -> break
		od;
		t = 0;
		hand = 0
	}
}

/* Put what was taken back into the queue, unless there is no queue. */
inline requeue_hand()
{
	atomic {
#ifndef MUTANT_REQUEUE_BLINDLY
		if
		:: stopping -> settle_hand(SHUT)
		:: else -> back = back | hand; hand = 0
		fi
#else
		back = back | hand;
		hand = 0
#endif
	}
}

/* --------------------------------------------------- Results, and deaths */

/* Take unit u as the next of the stream. */
inline take_unit()
{
	atomic {
		!locked[w] ->
		assert(u != 0 && UNIT_PART(u) == got % UNITS);
		assert(UNIT_PART(u) == 0 || u == before + 1);
		before = u;
		got++;
		if
		:: UNIT_PART(u) == UNITS - 1 -> take_result()
		:: else
		fi;
		u = 0
	}
}

inline take_result()
{
	m = UNIT_SEQUENCE(u);
	before = 0;
	/* It is of the oldest task in flight, which was claimed. */
	assert(flight[SLOT(w, m)] == UNIT_TASK(u) + 1);
	assert(m == NEWEST(w, 1) ||
	    (m == NEWEST(w, 0) && flight[SLOT(w, m + 1)] == 0));
	assert(claims[SLOT(w, m)] == WORD(m, CLAIMED));
	flight[SLOT(w, m)] = 0;
	settle(UNIT_TASK(u), DONE);
	if
	:: BEHIND(w, m + 1) < BEHIND(w, known) -> known = (m + 1) % SEQUENCES
	:: else
	fi;
	waiting[w] = 0;
	m = 0
}

/* Read a unit from the pipe.  The ring may have shown it already. */
inline read_pipe()
{
	atomic {
		results[w]?u ->
		piped++;
#ifndef MUTANT_PIPE_AGAIN
		if
		:: piped <= got -> u = 0
		:: else
		fi
#endif
	};
	if
	:: u != 0 -> take_unit()
	:: else
	fi
}

/* Read a committed unit from the ring while the worker may be writing: what
 * it may have changed meanwhile has been in the pipe for some time. */
inline read_ring()
{
	got < committed[w] ->
	u = ring[w * RING + got % RING];
#ifndef MUTANT_NO_SECOND_LOOK
	if
	:: writing[w] <= got + RING -> take_unit()
	:: else -> u = 0
	fi
#else
	take_unit()
#endif
}

/* Of a result that the pipe has in part, the ring may have the whole: then
 * that counts, whatever a dying worker has put into the pipe. */
inline rewind()
{
	d_step {
		if
		:: writing[w] <= got - got % UNITS + RING ->
		   got = got - got % UNITS;
		   before = 0
		:: else
		fi
	}
}

/* All that a dead worker has sent and committed. */
inline take_the_rest()
{
#ifndef MUTANT_RING_BEFORE_PIPE
	do
	:: read_pipe()
	:: empty(results[w]) -> break
	od;
#endif
#ifndef MUTANT_IGNORE_RING
	rewind();
	do
	:: atomic {
		got < committed[w] ->
		u = ring[w * RING + got % RING]
	   };
	   take_unit()
	:: got >= committed[w] -> break
	od;
#endif
}

inline bury_one(how)
{
	n = NEWEST(w, i);
	if
	:: flight[SLOT(w, n)] == 0
	:: OPEN_TO_CLAIM(w, n) ->
	   claims[SLOT(w, n)] = WORD(n, REVOKED);
	   tombstone(w, n, t);
	   hand = hand | (1 << t)
	:: else ->
	   assert(claims[SLOT(w, n)] == WORD(n, CLAIMED));
	   blamed++;
	   assert(blamed == 1);
	   tombstone(w, n, t);
#ifdef MUTANT_REQUEUE_CLAIMED
	   hand = hand | (1 << t)
#else
	   settle(t, how)
#endif
	fi
}

/* The end of every task that is still in flight: one was running, perhaps;
 * the others can be taken back.  The worker is dead, so that only thieves
 * could interfere, and they need the lock. */
inline bury(how)
{
#ifdef MUTANT_BURY_UNLOCKED
	do
	:: i < SLOTS ->
	   if
	   :: OPEN_TO_CLAIM(w, NEWEST(w, i)) ->
	      hand = hand | (1 << (flight[SLOT(w, NEWEST(w, i))] - 1));
	      atomic {
		claims[SLOT(w, NEWEST(w, i))] = WORD(NEWEST(w, i), REVOKED);
		flight[SLOT(w, NEWEST(w, i))] = 0
	      }
	   :: else
	   fi;
	   i++
	:: else -> break
	od;
#endif
	atomic {
		!locked[w] ->
		i = 0;
		do
		:: i < SLOTS -> bury_one(how); i++
		:: else -> break
		od;
		n = 0;
		i = 0;
		t = 0;
		blamed = 0
	}
}

/* --------------------------------------------------- Giving a task to run */

/* Send the frame.  A full pipe waits for the worker, which may wait for its
 * results to be read, or be dead, or be about to be killed. */
inline send_frame()
{
	do
	:: atomic { nfull(frames[w]) -> frames[w]!n,t; break }
	:: full(frames[w]) && nempty(results[w]) -> read_pipe()
	:: full(frames[w]) && (life[w] == DEAD || stopping) -> break
	od
}

/* Give task t to the own worker. */
inline offer()
{
	atomic {
		!locked[w] ->
		n = next[w];
		next[w] = (n + 1) % SEQUENCES;
		flight[SLOT(w, n)] = t + 1
	}
	claims[SLOT(w, n)] = WORD(n, OFFERED);
	send_frame();
	atomic {
		n = 0;
		t = 0;
		has = 0
	}
}

/* ----------------------------------------------------------- The monitor */

/* Nothing of a life remains for the next one. */
inline renew(state)
{
	d_step {
		i = 0;
		do
		:: i < SLOTS -> claims[w * SLOTS + i] = 0; i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < RING -> ring[w * RING + i] = 0; i++
		:: else -> break
		od;
		i = 0;
		do
		:: nempty(results[w]) -> results[w]?u
		:: empty(results[w]) -> break
		od;
#ifndef MUTANT_OLD_PIPE
		do
		:: nempty(frames[w]) -> frames[w]?u,n
		:: empty(frames[w]) -> break
		od;
#endif
		u = 0;
		n = 0;
		committed[w] = 0;
		writing[w] = 0;
		passed[w] = 0;
		next[w] = 0;
		killed[w] = 0;
		waiting[w] = 0;
		got = 0;
		piped = 0;
		before = 0;
		known = 0;
		retiring = 0;
		life[w] = state
	}
}

inline end_life(how)
{
	killed[w] = 1;
#ifdef MUTANT_NO_WAIT
	bury(how);
#endif
	life[w] == DEAD;
	take_the_rest();
	bury(how)
}

proctype Monitor(byte w)
{
	byte t; /* a task; in the monitor's hand when `has` is set */
	bit has;
	byte hand; /* bits: tasks taken back */
	byte n, m, i, u, blamed; /* for a moment each */
	byte before; /* the unit before, when a result has come in part */
	byte got; /* units of the stream taken */
	byte piped; /* units read from the pipe */
	byte known; /* frames the worker is known to have passed */
	bit retiring; /* gets no more tasks: to be replaced */

	renew(ALIVE);
	do
	:: stopping ->
	   waiting[w] = 0;
	   revoke_all();
	   settle_hand(SHUT);
	   end_life(SHUT);
	   break

	:: !stopping && ended == TASKS ->
	   end_life(SHUT);
	   break

	:: life[w] == DEAD ->
	   take_the_rest();
	   bury(DIED);
	   requeue_hand();
	   if
	   :: stopping || ended == TASKS -> break
	   :: else -> atomic { !locked[w] -> renew(ALIVE) }
	   fi

	:: QUEUED && !stopping && !waiting[w] && !retiring ->
	   look_for_room();
	   if
	   :: waiting[w]
	   :: else -> take_from_queue()
	   fi;
	   if
	   :: has -> offer()
	   :: else
	   fi

#if WORKERS == 2
	:: TO_STEAL(1 - w) && !IN_FLIGHT(w) && !stopping && !waiting[w] &&
	       !retiring ->
	   look_for_room();
	   if
	   :: waiting[w]
	   :: else -> steal(1 - w)
	   fi;
	   if
	   :: has -> offer()
	   :: else
	   fi
#endif

	:: read_pipe()

#ifdef LIVE
	:: read_ring()

	/* Look whether the worker lies. */
	:: d_step {
		!locked[w] && got == committed[w] ->
		assert(!PASSED_OVER(w, NEWEST(w, 0)) &&
		    !PASSED_OVER(w, NEWEST(w, 1)))
	   }
#endif

#if REFRESHES > 0
	:: refreshes > 0 && !retiring && life[w] == ALIVE ->
	   atomic {
		if
		:: refreshes > 0 -> refreshes--; retiring = 1; waiting[w] = 0
		:: else
		fi
	   };
	   if
	   :: retiring -> revoke_all(); requeue_hand()
	   :: else
	   fi
	:: retiring && !killed[w] && !IN_FLIGHT(w) -> killed[w] = 1
#endif
	od;
	assert(!IN_FLIGHT(w));
	renew(DEAD);
	gone++
}

/* -------------------------------------------------------------- The rest */

/* Deaths: those that just happen, and those that the host has asked for. */
inline die(w)
{
	atomic {
		life[w] == ALIVE && (killed[w] || deaths > 0) ->
		if
		:: killed[w]
		:: else -> deaths--
		fi;
		life[w] = DYING
	}
}

active proctype Fate()
{
end:
	do
	:: die(0)
#if WORKERS == 2
	:: die(1)
#endif
	od
}

#if LATE > 0
/* Submits the late tasks. */
active proctype Submitter()
{
	byte k = TASKS - LATE;

	do
	:: k < TASKS ->
	   atomic {
		if
		:: stopping -> settle(k, REFUSED)
		:: else -> accepted++
		fi;
		k++
	   }
	:: else -> break
	od;
	submitted = 1
}
#endif

#ifdef SHUTDOWN
/* Shuts the pool down at any time, with what is queued. */
active proctype Owner()
{
	byte k;

	atomic {
		stopping = 1;
		do
		:: k < TASKS ->
		   if
		   :: (fresh <= k && k < accepted) || (back & (1 << k)) ->
		      settle(k, SHUT)
		   :: else
		   fi;
		   k++
		:: else -> break
		od;
		fresh = accepted;
		back = 0;
		k = 0
	}
}
#endif

init {
	atomic {
		run Worker(0);
		run Monitor(0);
#if WORKERS == 2
		run Worker(1);
		run Monitor(1);
#endif
	}
	gone == WORKERS && submitted;
	assert(ended == TASKS)
}
