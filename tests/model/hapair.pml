/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifdef NOVOL
/* ---- VIP-only pair: no kernel guard, no sole/elig.  Node 0 = configured master. ----
 * Options: as written by default; -DFIX_NOBODY  peer heard, nobody master -> the configured master serves
 *          -DFIX_DEAF  heard by nobody's echo -> yield whatever the epoch;  -DBUG_ANYPREQ  no nonce rule
 *          -DONEWAY heartbeat loss per direction   -DLOSTSTATE boot may come up with epoch 0
 *          -DLITERAL_INIT  silence rule only after start, not in Slave (the letter of the text)          */
#ifndef MAXF
#define MAXF 3
#endif
#ifndef MAXREQ
#define MAXREQ 2        /* operator's / failback's PREQs before `quiet`  */
#endif
#ifndef MAXE
#define MAXE 9
#endif
#ifndef QCAP
#define QCAP 1
#endif
#define OFF 0
#define INIT 1
#define SLAVE 2
#define MASTER 3
#define CUR 1
#define OLD 2
mtype = { PREQ, HANDOVER };
byte role[2] = INIT; byte ep[2] = 1;
byte vr[2]; byte ve[2];         /* last record heard: role (OFF = silent), epoch */
bool vecho[2];                  /* that record echoed my present instance: the peer hears me */
bool out[2];                    /* my PREQ is outstanding */
bool hb[2] = 1;                 /* node n hears the peer  */
bool lan = 1;                   /* ARP between the nodes  */
byte nf, nreq; bool quiet;
byte agn, am, ae; mtype at = PREQ;
chan q[2] = [QCAP] of { mtype, byte, byte };
#define up(n) (role[n] != OFF)
#define macans(n) (lan && role[n] == MASTER)
byte ne;
inline age(to, ty) { agn = len(q[to]);
  do :: agn > 0 -> q[to]?at,am,ae; if :: at == ty -> am = OLD :: else fi; q[to]!at,am,ae; agn-- :: else -> break od;
  agn = 0; am = 0; ae = 0; at = PREQ }
inline void_req(i) { if :: out[i] -> out[i] = 0; age(1-i, PREQ); age(i, HANDOVER) :: else fi }
inline send(to, ty, nn, ee) { if :: nfull(q[to]) && hb[to] -> q[to]!!ty,nn,ee :: full(q[to]) || !hb[to] -> skip fi }
inline serve_(i, ee) { role[i] = MASTER; ep[i] = ee; void_req(i); ne = 0 }
inline nexte(i) { ne = ep[i]; if :: ve[i] > ne -> ne = ve[i] :: else fi; if :: ne < MAXE -> ne++ :: else fi }
inline off(i) { void_req(i); role[i] = OFF; vr[i] = OFF; ve[i] = 0; vecho[i] = 0 }
#define promised(i,j) (out[j] && q[j]??[HANDOVER,CUR,_])  /* i waits longer than j's nonce can live */

proctype Node(byte i) { byte j = 1 - i; byte n; byte e;
  do
  :: atomic { up(i) && hb[i] && up(j) && (vr[i] != role[j] || ve[i] != ep[j] || vecho[i] != hb[j]) ->
       vr[i] = role[j]; ve[i] = ep[j]; vecho[i] = hb[j] }
  :: atomic { up(i) && (!hb[i] || !up(j)) && vr[i] != OFF -> vr[i] = OFF; vecho[i] = 0 }
  :: atomic { role[i] == INIT && vr[i] == MASTER -> role[i] = SLAVE }
  /* nobody heard, no MAC: serve */
#ifdef LITERAL_INIT
  :: atomic { role[i] == INIT && vr[i] == OFF && !(hb[i] && up(j)) && !macans(j) -> nexte(i); serve_(i, ne) }
#else
  :: atomic { (role[i] == INIT || role[i] == SLAVE) && vr[i] == OFF && !(hb[i] && up(j)) && !macans(j) -> nexte(i); serve_(i, ne) }
#endif
#ifdef FIX_NOBODY
  /* peer heard, fresh, and neither is master: the configured master serves */
  :: atomic { i == 0 && (role[i] == INIT || role[i] == SLAVE) && hb[i] && up(j) && (vr[i] == SLAVE || vr[i] == INIT) &&
       vr[i] == role[j] && !out[i] && !promised(i,j) -> nexte(i); serve_(i, ne) }
  /* it does not hear us (no echo): it cannot know; we that hear wait for a master or take it when it says it is none */
#ifdef FIX_DEAF
  :: atomic { i == 1 && (role[i] == INIT || role[i] == SLAVE) && hb[i] && up(j) && !hb[j] && (vr[i] == SLAVE || vr[i] == INIT) &&
       vr[i] == role[j] && !vecho[i] && lan && !out[i] -> skip }
#endif
#endif
  /* two masters */
  :: atomic { role[i] == MASTER && vr[i] == MASTER && hb[i] &&
#ifdef BUG_STALEVIEW
       1 &&
#else
       vr[i] == role[j] && ve[i] == ep[j] &&              /* judged on a record that is fresh now */
#endif
       (ve[i] > ep[i] || (ve[i] == ep[i] && i == 1)
#ifdef FIX_DEAF
        || !vecho[i]
#endif
       ) -> role[i] = SLAVE }
  /* switch-over / failback */
  :: atomic { role[i] == SLAVE && !out[i] && (vr[i] == MASTER
#ifdef BUG_ANYPREQ
       || vr[i] == SLAVE
#endif
       ) && ((!quiet && nreq < MAXREQ) || (quiet && i == 0 && vr[i] == role[j] && hb[0] && hb[1] && empty(q[0]) && empty(q[1]))) ->
       if :: !quiet -> nreq++ :: else fi; out[i] = 1; send(j, PREQ, CUR, 0) }
  :: atomic { up(i) && q[i]??[PREQ,_,_] -> q[i]??PREQ,n,e;
       if
#ifdef BUG_ANYPREQ
       :: role[i] == MASTER || role[i] == SLAVE ->
#else
       :: n == CUR && role[i] == MASTER && !out[i] ->
#endif
          role[i] = SLAVE; nexte(i); send(j, HANDOVER, n, ne); ne = 0
       :: else -> skip
       fi; n = 0; e = 0 }
  :: atomic { up(i) && q[i]??[HANDOVER,_,_] -> q[i]??HANDOVER,n,e;
       if
#ifdef BUG_ANYPREQ
       :: role[i] == SLAVE -> serve_(i, e)
#else
       :: n == CUR && out[i] && role[i] == SLAVE -> serve_(i, e)
#endif
       :: else -> skip
       fi; n = 0; e = 0 }
  /* the nonce dies after one dead time */
  :: atomic { out[i] && (!quiet || (empty(q[i]) && empty(q[j]))) -> void_req(i) }
  od }

proctype Env() { mtype t; byte n, e;
  do
#define F (!quiet && nf < MAXF)
  :: atomic { F && up(0) -> nf++; off(0) }
  :: atomic { F && up(1) -> nf++; off(1) }
#ifdef LOSTSTATE
  :: atomic { F && role[0] == OFF -> nf++; role[0] = INIT; ep[0] = 0 }
  :: atomic { F && role[1] == OFF -> nf++; role[1] = INIT; ep[1] = 0 }
#endif
  :: atomic { !quiet && role[0] == OFF -> role[0] = INIT }
  :: atomic { !quiet && role[1] == OFF -> role[1] = INIT }
#ifdef ONEWAY
  :: atomic { F && hb[0] -> nf++; hb[0] = 0 }
  :: atomic { F && hb[1] -> nf++; hb[1] = 0 }
#endif
  :: atomic { F && hb[0] && hb[1] -> nf++; hb[0] = 0; hb[1] = 0 }
  :: atomic { !quiet && !hb[0] -> hb[0] = 1 }
  :: atomic { !quiet && !hb[1] -> hb[1] = 1 }
  :: atomic { F && lan -> nf++; lan = 0 }
  :: atomic { !quiet && !lan -> lan = 1 }
  :: atomic { !quiet && nempty(q[0]) -> q[0]?t,n,e; n = 0; e = 0; }
  :: atomic { !quiet && nempty(q[1]) -> q[1]?t,n,e; n = 0; e = 0; }
  :: atomic { !quiet -> quiet = 1; break }
  od }
#ifdef N0   /* crossed PREQs, no faults, settled start: never two masters */
active proctype Mon() { end: atomic { role[0] == MASTER && role[1] == MASTER -> assert(0) } }
init { atomic { role[0] = MASTER; role[1] = SLAVE; vr[0] = SLAVE; vr[1] = MASTER; ve[0] = 1; ve[1] = 1; vecho[0] = 1; vecho[1] = 1;
       run Node(0); run Node(1); run Env() } }
#else
#ifdef N4   /* reachability: stable pair of masters, one deaf */
active proctype Mon() { end: atomic { quiet && role[0] == MASTER && role[1] == MASTER && (
   (hb[0] && !hb[1] && vr[0] == MASTER && ve[0] == ep[1] && ep[0] >= ep[1]) ||
   (hb[1] && !hb[0] && vr[1] == MASTER && ve[1] == ep[0] && ep[1] > ep[0])) -> assert(0) } }
#endif
init { atomic { run Node(0); run Node(1); run Env() } }
#endif
#define one ((role[0] == MASTER) != (role[1] == MASTER))
#define two (role[0] == MASTER && role[1] == MASTER)
#ifdef N1   /* both live and hear each other: exactly one, for good (a running failback passes through none) */
ltl n1 { [] ((quiet && up(0) && up(1) && hb[0] && hb[1]) -> <> one) }
#endif
#ifdef N1B  /* two masters never persist */
ltl n1b { [] ((quiet && up(0) && up(1) && hb[0] && hb[1]) -> <> [] !two) }
#endif
#ifdef N1C  /* ... nor when only one hears (as long as somebody hears, and the LAN lets both answer) */
ltl n1c { [] ((quiet && up(0) && up(1) && (hb[0] || hb[1])) -> <> [] !two) }
#endif
#ifdef N1D  /* stable: exactly one in the end and it stays */
ltl n1d { [] ((quiet && up(0) && up(1) && hb[0] && hb[1]) -> <> [] one) }
#endif
#ifdef N2   /* a lone node serves */
ltl n2 { [] ((quiet && up(0) && !up(1)) -> <> (role[0] == MASTER)) && [] ((quiet && up(1) && !up(0)) -> <> (role[1] == MASTER)) }
#endif
#ifdef N3   /* both up, paths dead, LAN whole: somebody serves */
ltl n3 { [] ((quiet && up(0) && up(1)) -> <> (role[0] == MASTER || role[1] == MASTER)) }
#endif
#else
/* hapair electd - two-node role election, Promela model (spin 6.5).
 * Arbiter:  -DFENCE | -DWITNESS | -DSTRICT (none; slave never self-promotes)
 *           | -DSEED (none; slave promotes on silence like the product guide)
 * Options:  -DFORCE  operator may force one promotion
 * Seeded bugs (regressions of rules found by counterexample): -DBUG_x, see README.md.
 * Node 0 = configured master, node 1 = configured slave.
 * Time is NOT modelled: suspicion, connection loss, crash and message loss /
 * delay / reordering may happen at any moment (fully asynchronous).            */
#ifndef NW
#define NW 3            /* number of distinct writes                       */
#endif
#ifndef MAXCRASH
#define MAXCRASH 3
#endif
#ifndef MAXCUT
#define MAXCUT 2
#endif
#ifndef FBOOT
#define FBOOT 0
#endif
#ifndef QCAP
#define QCAP 2
#endif
#define OFF 0
#define WAITP 1
#define SLAVE 2
#define MASTER 3
#define FROZEN 4        /* primary, I/O suspended by kernel (Isolated)     */
#define SHARED 2        /* witness value; 0/1 = SOLE owner                 */

mtype = { OUTDATE, OUTDATED, ELIGIBLE, PREQ, HANDOVER
#ifdef LEAVING
, LEAVE, LEAVEACK
#endif
};

byte role[2] = WAITP;
/* durable (survive crash) */
bool sole[2];           /* I may diverge: the peer is barred               */
bool elig[2];           /* all acked writes here, barred by nobody; durable only with WITNESS */
bool incons[2];         /* resync target, not finished                     */
bool dirty[2];          /* DRBD generated a new current-UUID alone         */
byte data[2];
byte wit = SHARED;
/* volatile */
bool conn[2];           /* each side's own view of the DRBD connection     */
bool cid[2];            /* node accepts messages naming the present connection instance */
bool offer[2];          /* I handed the role over and never saw the peer Primary     */
bool pend[2];           /* an OUTDATE request of mine is outstanding        */
byte infl[2];           /* write applied locally, not yet acked            */
byte fq[2], fdone[2]; /* fence request / confirmation: 0, CUR or OLD incident */
/* ghosts, bounds */
byte acked, nw, ncrash, ncut;
byte agn, am; mtype at = OUTDATE;
bool sb, forced, quiet;

chan q[2] = [QCAP] of { mtype, byte };

#ifdef PATHS
/* Evidence arbiter.  Faults are explicit and counted (MAXF); the k-th fault must be in mask A1/A2/A3.
 * Every fault heals (or not) at any later moment, uncounted.  A hang is a paused kernel+userland that
 * resumes (or is reset by its watchdog); dh is a daemon hang: kernel, ARP, DRBD go on.              */
#ifndef MAXF
#define MAXF 1
#endif
#ifndef A1
#define A1 16383
#endif
#ifndef A2
#define A2 16383
#endif
#ifndef A3
#define A3 16383
#endif
bool cP1, cLAN, cP2, cR;     /* heartbeat filter on LAN; LAN partition (both gateways answer); serial; replication */
bool gwl[2], carl[2];        /* own gateway lost; own LAN carrier lost                                    */
bool hung[2], dh[2];         /* node paused; its hbd+electd stopped                                       */
bool ev[2];                  /* evidence was complete at some moment (not re-checked without RECHECK)     */
bool stv[2];                 /* thawed with expired timers (only with BUG_STALETIMER)                     */
bool vip[2], wd[2];          /* answers for the virtual IPs; withdrawn                                    */
byte nf;
#define lanok   (!cLAN && !carl[0] && !carl[1])
#ifdef ONEPATH
#define hbok    (lanok && !cP1)
#else
#define hbok    ((lanok && !cP1) || !cP2)
#endif
#ifdef RLAN
#define rlink   (!cR && lanok)
#else
#define rlink   (!cR)
#endif
#define awake(n)  (role[n] != OFF && !hung[n])
#define hears(n)  (hbok && awake(n) && !dh[n])         /* records of n arrive                    */
#define gwok(n)   (!gwl[n] && !carl[n])
#define macans(n) (lanok && awake(n) && vip[n])        /* the kernel answers, also with daemons hung */
#define evid(i,j) ((!hears(j) || stv[i]) && !conn[i] && gwok(i) && !macans(j))
#define quietnet  (!cP1 && !cLAN && !cP2 && !cR && !gwl[0] && !gwl[1] && !carl[0] && !carl[1])
#define KOK(n)    (!hung[n] && rlink)
#else
#define KOK(n)    1
#define hbok      1
#endif
#ifdef LEAVING
bool lv[2];                  /* I sent LEAVING, elig=0 durable                */
bool plv[2];                 /* the peer is leaving (this session)            */
bool lack[2];                /* my LEAVING was acknowledged                   */
bool left[2];                /* ghost: stopped after an acknowledged LEAVING  */
#endif

#define up(i)     (role[i] != OFF)
#define prim(i)   (role[i] == MASTER || role[i] == FROZEN)
#define standby(i) (role[i] == SLAVE || role[i] == WAITP)
#define stale(i)  ((acked & ~data[i]) != 0)
#ifdef SEED_CHECKED
#define EXEMPT 0
#elif defined(SEED)
#define EXEMPT 1
#else
#define EXEMPT forced
#endif

/* Nonces are abstracted exactly: value CUR = names the present incident
 * (connection instance, outstanding request), OLD = any earlier one. A new
 * instance turns every message still in flight into OLD.  Channels are
 * multisets (sorted send, random receive): messages may be lost, delayed,
 * reordered.                                                              */
#define CUR 1
#ifdef LEAVING
#define LVMSG || at == LEAVE || at == LEAVEACK
#else
#define LVMSG
#endif
#define OLD 2
#ifdef PATHS
inline send(to, t, v) { if :: nfull(q[to]) && hbok -> q[to]!!t,v :: full(q[to]) || !hbok -> skip fi }
#else
inline send(to, t, v) { if :: nfull(q[to]) -> q[to]!!t,v :: full(q[to]) -> skip fi }
#endif
inline age_conn(to) {
  agn = len(q[to]);
  do :: agn > 0 -> q[to]?at,am;
        if :: at == OUTDATE || at == OUTDATED LVMSG -> skip   /* receiver rejects: names an older session */
           :: else -> am = OLD; q[to]!at,am fi; agn--
     :: else -> break od;
  agn = 0; am = 0; at = OUTDATE }
inline age_req(to, ty) {
  agn = len(q[to]);
  do :: agn > 0 -> q[to]?at,am;
        if :: at == ty -> am = OLD :: else fi;
        q[to]!at,am; agn--
     :: else -> break od;
  agn = 0; am = 0; at = OUTDATE }
inline clear_pend(i) { if :: pend[i] -> pend[i] = 0; age_req(1-i, OUTDATE); age_req(i, OUTDATED) :: else fi }


inline become_master(i) {
  assert(EXEMPT || !stale(i));                 /* S1 never promote stale data    */
  assert(EXEMPT || !incons[i]);
  role[i] = MASTER; elig[i] = 1;
  if :: !conn[i] -> dirty[i] = 1 :: else fi;
  offer[0] = 0; offer[1] = 0;                  /* a connected promotion is acked by the peer kernel */
}
inline take_sole(i) {                          /* fsync(sole) BEFORE I/O resumes  */
  sole[i] = 1; clear_pend(i);
  assert(EXEMPT || !(sole[0] && sole[1]));     /* S4 exclusive right              */
  become_master(i);
}
inline drop_conn(i) {
  conn[i] = 0;
#ifdef LEAVING
  assert(!(role[i] == MASTER && !sole[i] && left[1-i] && role[1-i] == OFF));   /* a clean leaver freezes nobody */
  plv[i] = 0; if :: lv[i] && !lack[i] -> lv[i] = 0 :: else fi;
#endif
#ifndef BUG_CIDLIVE
  cid[i] = 0;
#endif
  if :: role[i] == MASTER && sole[i] -> dirty[i] = 1   /* new current-UUID on the next write */
#ifndef BUG_NOFREEZE
     :: role[i] == MASTER && !sole[i] -> role[i] = FROZEN /* kernel: resource-and-stonith */
#else
     :: role[i] == MASTER && !sole[i] -> dirty[i] = 1
#endif
     :: else fi;
}
inline volat_reset(i) {
#ifdef PATHS
  hung[i] = 0; dh[i] = 0; ev[i] = 0; stv[i] = 0; vip[i] = 0; wd[i] = 0;
#endif
#ifdef LEAVING
  lv[i] = 0; plv[i] = 0; lack[i] = 0;
#endif
  conn[i] = 0; cid[i] = 0; clear_pend(i); infl[i] = 0; fdone[i] = 0; offer[i] = 0;
  if :: fq[i] -> fq[i] = OLD :: else fi;
#ifndef BUG_BOOTELIG
#ifndef WITNESS
  elig[i] = 0;                                 /* continuity lost with the boot  */
#endif
#endif
}
inline crash(i) { role[i] = OFF; volat_reset(i) }

#ifdef LEAVING
byte nlv;
#ifndef MAXLV
#define MAXLV 2
#endif
#define PLV(i) !plv[i]
#define LV(i)  !lv[i]
#else
#define PLV(i) 1
#define LV(i)  1
#endif
#define NOALIEN(i,j) (up(i) && !sb)

#ifdef PATHS
/* the kernel's half of a node: works while the daemons hang, stops while the node is paused. pids: Mon 0, init 1 */
proctype KNode(byte i) provided (!hung[_pid-4]) {
  byte j = 1 - i;
  do
  /* ---------- client writes on a running master -------------------------- */
  :: atomic { !quiet && role[i] == MASTER && infl[i] == 0 && nw < NW ->
       infl[i] = 1 << nw; data[i] = data[i] | (1 << nw); nw++ }
  :: atomic { role[i] == MASTER && infl[i] && conn[i] && conn[j] && KOK(j) ->   /* protocol C */
       data[j] = data[j] | infl[i]; acked = acked | infl[i]; infl[i] = 0 }
#ifdef BUG_NOFREEZE
  :: atomic { role[i] == MASTER && infl[i] && !conn[i] ->
#else
  :: atomic { role[i] == MASTER && infl[i] && !conn[i] && sole[i] ->
#endif
       acked = acked | infl[i]; infl[i] = 0;
       assert(EXEMPT || !(role[j] == MASTER && sole[j] && !conn[j])) }    /* S4' */
  /* ---------- replication-loss detection ---------------------------------- */
  :: atomic { conn[i] && (!conn[j] || hung[j] || !rlink) -> drop_conn(i) }
  od
}
proctype Node(byte i) provided (!hung[_pid-2] && !dh[_pid-2]) {
#else
proctype Node(byte i) {
#endif
  byte j = 1 - i; byte n;
  do
#ifndef PATHS
  /* ---------- client writes on a running master -------------------------- */
  :: atomic { !quiet && role[i] == MASTER && infl[i] == 0 && nw < NW ->
       infl[i] = 1 << nw; data[i] = data[i] | (1 << nw); nw++ }
  :: atomic { role[i] == MASTER && infl[i] && conn[i] && conn[j] ->       /* protocol C */
       data[j] = data[j] | infl[i]; acked = acked | infl[i]; infl[i] = 0 }
#ifdef BUG_NOFREEZE
  :: atomic { role[i] == MASTER && infl[i] && !conn[i] ->
#else
  :: atomic { role[i] == MASTER && infl[i] && !conn[i] && sole[i] ->
#endif
       acked = acked | infl[i]; infl[i] = 0;
       assert(EXEMPT || !(role[j] == MASTER && sole[j] && !conn[j])) }    /* S4' */
  /* ---------- replication-loss detection ---------------------------------- */
  :: atomic { conn[i] && !conn[j] -> drop_conn(i) }
#endif
  /* ---------- consent: OUTDATE / OUTDATED --------------------------------- */
#ifdef BUG_SYMBOOT
  :: atomic { up(i) && !sb && !conn[i] && !sole[i] && !incons[i] && pend[i] == 0 && LV(i) &&
#else
  :: atomic { up(i) && !sb && !conn[i] && !sole[i] && !incons[i] && pend[i] == 0 && LV(i) &&
#endif
       (!quiet || (!sole[j] && conn[0] == conn[1] && empty(q[i]) && empty(q[j]))) && role[i] != MASTER ->
       pend[i] = 1; send(j, OUTDATE, CUR) }
  :: atomic { quiet && pend[i] && conn[0] == conn[1] && empty(q[i]) && empty(q[j]) && !conn[i] -> clear_pend(i) }
  :: atomic { up(i) && q[i]??[OUTDATE,_] -> q[i]??OUTDATE,n;
       if
       :: standby(i) && !sole[i] && !sb &&
#ifndef BUG_CONSENTCONN
          !conn[i] &&                          /* never while my own link is up   */
#endif
#ifndef BUG_SYMBOOT
          !(i == 0 && pend[i]) &&              /* configured master wins the tie  */
#endif
          1 ->
          offer[i] = 0; elig[i] = 0;           /* fsync(outdated) before the ack  */
#ifdef PATHS
          ev[i] = 0;
#endif
#ifndef BUG_SYMBOOT
          clear_pend(i);                       /* my own claim is void            */
#endif
#ifndef BUG_CONSENTCID
          cid[i] = 0;                          /* late PREQ/ELIGIBLE are dead      */
#endif
          fdone[i] = 0;
          send(j, OUTDATED, n)
#ifndef BUG_CONSENTCONN
       :: conn[i] && !conn[j] && n == CUR -> drop_conn(i)   /* asker is disconnected: my link is half-open */
       :: !(conn[i] && !conn[j] && n == CUR) &&
          !(standby(i) && !sole[i] && !sb && !conn[i]
#ifndef BUG_SYMBOOT
            && !(i == 0 && pend[i])
#endif
           ) -> skip                           /* refuse (fence-peer exit 6)      */
#else
       :: else -> skip
#endif
       fi; n = 0 }
  :: atomic { up(i) && q[i]??[OUTDATED,_] -> q[i]??OUTDATED,n;
       if
#ifdef BUG_NONONCE
       :: !conn[i] && !sole[i] && !incons[i] && !sb && role[i] != MASTER -> take_sole(i)
#else
       :: n == CUR && pend[i] && !conn[i] && !incons[i] && !sb -> take_sole(i)
#endif
       :: else -> skip
       fi; n = 0 }
  /* ---------- arbiter: going solo / taking over ---------------------------- */
#ifdef FENCE
  :: atomic { up(i) && !sb && !conn[i] && !sole[i] && fq[i] == 0 && !incons[i] && !fdone[i] &&
       (role[i] == FROZEN || (standby(i) && elig[i])
#ifdef BUG_FENCEPROOF
        || role[i] == WAITP
#endif
       ) -> fq[i] = CUR }
  :: atomic { up(i) && fdone[i] ->
       if
#ifdef BUG_STALEFENCE
       :: !conn[i] && !sb && !incons[i] && (role[i] == FROZEN || (standby(i) && elig[i])) -> take_sole(i)
#else
       :: fdone[i] == CUR && !conn[i] && !sb && !incons[i] &&
          (role[i] == FROZEN || (standby(i) && elig[i])
#ifdef BUG_FENCEPROOF
           || role[i] == WAITP
#endif
          ) -> take_sole(i)
#endif
       :: else -> skip
       fi; fdone[i] = 0 }
#endif
#ifdef WITNESS
  :: atomic { up(i) && !sb && !conn[i] && !sole[i] && elig[i] && !incons[i] && wit == SHARED &&
       role[i] != MASTER -> wit = i }                         /* CAS; reply may be lost */
  :: atomic { up(i) && !sb && !conn[i] && !sole[i] && elig[i] && !incons[i] && wit == i &&
       role[i] != MASTER -> take_sole(i) }                    /* re-read, fsync, resume */
#endif
#ifdef PATHS
#ifdef THAWELIG
#define mayask(i) ((role[i] == FROZEN || standby(i)) && elig[i])
  :: atomic { role[i] == MASTER && conn[i] && cid[i] && conn[j] && !elig[i] -> elig[i] = 1 }   /* a session made since the thaw */
#else
#define mayask(i) (role[i] == FROZEN || (standby(i) && elig[i]))
#endif
  :: atomic { up(i) && !sb && !sole[i] && !incons[i] && !ev[i] && mayask(i) && evid(i,j) -> ev[i] = 1 }
  :: atomic { up(i) && ev[i] && (conn[i] || !mayask(i) || sole[i]) -> ev[i] = 0 }
  :: atomic { up(i) && ev[i] && !sb && !conn[i] && !sole[i] && !incons[i] &&
#ifndef BUG_NORECHECK
       evid(i,j) &&                            /* again, with fresh probes, after the fsync and before DRBD moves */
#endif
       mayask(i) -> ev[i] = 0; wd[i] = 0; take_sole(i) }
#ifdef BUG_STALETIMER
  :: atomic { stv[i] && hears(j) -> stv[i] = 0 }
#endif
#ifndef BUG_NOHEARSOLE
  :: atomic { standby(i) && elig[i] && !sole[i] && hears(j) && sole[j] && !conn[i] -> elig[i] = 0 } /* I am barred */
#endif
  /* addresses: up last, withdrawn when paths and gateway fell, back by probe */
  :: atomic { role[i] == MASTER && !vip[i] && !wd[i] && !quiet -> vip[i] = 1 }
  :: atomic { prim(i) && vip[i] && !sole[i] && !hears(j) && !gwok(i) -> vip[i] = 0; wd[i] = 1 }
  :: atomic { wd[i] && prim(i) && (hears(j) || gwok(i)) &&
#ifndef BUG_RETURN
       !macans(j) && !(hears(j) && sole[j]) &&
#endif
       1 -> wd[i] = 0; vip[i] = 1; assert(!macans(j)) }                 /* S5': no knowingly doubled address */
#endif
#ifdef STRICT
  :: atomic { (role[i] == FROZEN || (standby(i) && offer[i])) && !conn[i] && !sole[i] && !incons[i] && !sb -> take_sole(i) }
#endif
#ifdef SEED
  :: atomic { !sb && !conn[i] && !sole[i] && !incons[i] && (role[i] == FROZEN || (standby(i) && elig[i])) -> take_sole(i) }
#endif
#ifdef BUG_WFC
  :: atomic { role[i] == WAITP && !conn[i] && !incons[i] && !sb -> take_sole(i) } /* boot: timeout, go */
#endif
  /* ---------- frozen master gives up when the peer holds the right ---------- */
  :: atomic { role[i] == FROZEN && (sole[j]
#ifdef WITNESS
       || wit == j
#endif
       ) &&
#ifdef PATHS
       hears(j) &&
#endif
       1 ->
#ifdef PATHS
       vip[i] = 0; wd[i] = 0; ev[i] = 0;
#endif
       role[i] = WAITP; elig[i] = 0; infl[i] = 0; clear_pend(i) }   /* self-fence + reboot */
  /* ---------- boot / restart with own proof --------------------------------- */
  :: atomic { standby(i) && sole[i] && !incons[i] && !sb && !conn[i] -> become_master(i) }
  :: atomic { standby(i) && sole[i] && !incons[i] && conn[i] && conn[j] && KOK(j) && !prim(j) && !incons[j] -> become_master(i) }
  /* ---------- release of the right: make the peer eligible again ------------ */
#ifdef BUG_ORDER
  :: atomic { role[i] == MASTER && conn[i] && cid[i] && conn[j] && !incons[j] && sole[i] && !elig[j] -> send(j, ELIGIBLE, CUR) }
  :: atomic { role[i] == MASTER && conn[i] && conn[j] && sole[i] && elig[j] -> sole[i] = 0 }
#else
  :: atomic { role[i] == MASTER && conn[i] && conn[j] && !incons[j] && sole[i] && PLV(i) -> 
       sole[i] = 0 }                                          /* fsync first ...         */
#ifdef WITNESS
  :: atomic { role[i] == MASTER && conn[i] && conn[j] && !incons[j] && !sole[i] && wit != SHARED -> wit = SHARED }
#endif
  :: atomic { role[i] == MASTER && conn[i] && cid[i] && !incons[j] && !sole[i] && !elig[j] && PLV(i) &&
#ifdef WITNESS
       wit == SHARED &&
#endif
       empty(q[j]) -> send(j, ELIGIBLE, CUR) }                         /* ... then tell the peer  */
#endif
  :: atomic { up(i) && q[i]??[ELIGIBLE,_] -> q[i]??ELIGIBLE,n;
       if
#ifdef BUG_NOCID
       :: conn[i] && standby(i) && !incons[i] && !sole[i] -> elig[i] = 1
#else
       :: n == CUR && cid[i] && conn[i] && standby(i) && !incons[i] && !sole[i] && LV(i) -> elig[i] = 1
#endif
       :: else -> skip
       fi; n = 0 }
  /* ---------- planned switch-over, failback and connected boot --------------- */
#ifdef WITNESS
  :: atomic { up(i) && conn[i] && conn[j] && !sole[i] && wit == i && !incons[i] && !incons[j] -> wit = SHARED } /* drop my unused claim */
#endif
  :: atomic { standby(i) && conn[i] && cid[i] && !sole[i] && !incons[i] && !sb && wit != i && LV(i) &&
       (!quiet || (quiet && i == 0 && conn[0] == conn[1] && empty(q[i]) && empty(q[j]) && !prim(j))) ->
       send(j, PREQ, CUR) }
  :: atomic { up(i) && q[i]??[PREQ,_] -> q[i]??PREQ,n;
       if
       :: n == CUR && cid[i] && conn[i] && role[i] != FROZEN && infl[i] == 0 && !incons[i] && !incons[j] && !sb &&
#ifdef LEAVING
          !plv[i] &&                           /* never hand over to a leaving node */
#ifndef BUG_LEAVEPREQ
          !lv[i] &&                            /* a leaving node answers none: it would be eligible again */
#endif
#endif
          (sole[i] || wit != j) ->
          /* services stopped, unmounted, DRBD secondary; fsync(handover) */
          #ifdef WITNESS
#ifdef BUG_WITRESET
          wit = SHARED;
#else
          if :: wit == i || sole[i] -> wit = SHARED :: else fi;  /* never overwrite a claim I do not bar */
#endif
#endif
#ifdef BUG_OFFER
          offer[i] = 1;
#else
          offer[i] = (offer[i] || role[i] == MASTER || sole[i]);/* only the last master may take it back */
#endif
#ifdef PATHS
          vip[i] = 0; wd[i] = 0; ev[i] = 0;
#endif
#ifdef THAWELIG
          elig[i] = (elig[i] || sole[i]); sole[i] = 0; role[i] = SLAVE;    /* an answer to PREQ never raises elig */
#else
          sole[i] = 0; role[i] = SLAVE; elig[i] = 1;
#endif
          send(j, HANDOVER, n)
       :: else -> skip
       fi; n = 0 }
  :: atomic { up(i) && q[i]??[HANDOVER,_] -> q[i]??HANDOVER,n;
       if
       :: n == CUR && cid[i] && conn[i] && conn[j] && KOK(j) && LV(i) && standby(i) && !incons[i] && !prim(j) && !sb -> become_master(i)
       :: else -> skip
       fi; n = 0 }
  /* ---------- WAITP joins as slave ------------------------------------------- */
  :: atomic { role[i] == WAITP && conn[i] && prim(j) -> role[i] = SLAVE }
#ifdef LEAVING
  /* ---------- leaving in order ------------------------------------------------ */
  :: atomic { !quiet && standby(i) && !sole[i] && conn[i] && cid[i] && !lv[i] && !incons[i] && nlv < MAXLV ->
       nlv++; lv[i] = 1; lack[i] = 0; elig[i] = 0; pend[i] = 0; age_req(j, OUTDATE); age_req(i, OUTDATED);
       send(j, LEAVE, CUR) }                                  /* fsync(elig=0), then say so */
  :: atomic { up(i) && q[i]??[LEAVE,_] -> q[i]??LEAVE,n;
       if
       :: n == CUR && cid[i] && conn[i] && role[i] == MASTER -> plv[i] = 1; sole[i] = 1;   /* fsync, then ack */
#ifdef WITNESS
          if :: wit == j -> wit = SHARED :: else fi;
#endif
          assert(!(sole[0] && sole[1]));
          send(j, LEAVEACK, CUR)
       :: else -> skip
       fi; n = 0 }
  :: atomic { up(i) && q[i]??[LEAVEACK,_] -> q[i]??LEAVEACK,n;
       if :: n == CUR && cid[i] && lv[i] && conn[i] -> lack[i] = 1 :: else -> skip fi; n = 0 }
  :: atomic { lv[i] && lack[i] && conn[i] && standby(i) -> left[i] = 1; crash(i) }        /* stopped */
  :: atomic { lv[i] && !lack[i] && (!conn[i] || empty(q[i])) && !quiet && standby(i) -> crash(i) } /* time-out: stops anyhow */
  /* a leaving master: hand over is the PREQ rule; peer leaving or gone: keep the right and stop */
  :: atomic { !quiet && role[i] == MASTER && sole[i] && (plv[i] || !conn[i]) && nlv < MAXLV -> nlv++; crash(i) }
#endif
  od
}

#ifdef LEAVING
#define LEFT0 left[0] = 0
#define LEFT1 left[1] = 0
#else
#define LEFT0
#define LEFT1
#endif
#ifdef PATHS
#ifdef ENVMASK   /* masks from the environment: one pan for the whole table of fault pairs */
c_code { static int AM[3] = { 16383, 16383, 16383 };
  __attribute__((constructor)) static void am_ini(void) { char *e; char n[3]; int k; n[0] = 'A'; n[2] = 0;
    for (k = 0; k < 3; k++) { n[1] = '1' + k; e = getenv(n); if (e) AM[k] = atoi(e); } } };
#define A(b) ((nf == 0 && c_expr { AM[0] & (1 << b) }) || (nf == 1 && c_expr { AM[1] & (1 << b) }) || (nf == 2 && c_expr { AM[2] & (1 << b) }))
#else
#define A(b) (((nf == 0 && (A1 & (1 << b))) || (nf == 1 && (A2 & (1 << b))) || (nf == 2 && (A3 & (1 << b)))))
#endif
#ifdef SEQ       /* one fault after another: the next only when the last healed and the pair is whole again */
#define CALM (nf == 0 || (quietnet && !hung[0] && !hung[1] && !dh[0] && !dh[1] && conn[0] && conn[1] && !incons[0] && !incons[1] && \
   ((role[0] == MASTER && role[1] == SLAVE) || (role[1] == MASTER && role[0] == SLAVE)) && elig[0] && elig[1] && !sole[0] && !sole[1] && !ev[0] && !ev[1]))
#else
#ifdef URGENT    /* what can be heard is heard before the next fault */
#define hs(i,j) (standby(i) && elig[i] && !sole[i] && hears(j) && sole[j] && !conn[i] && awake(i) && !dh[i])
#define CALM (!hs(0,1) && !hs(1,0))
#else
#define CALM 1
#endif
#endif
#ifdef SETTLED
#define FIRST (nf > 0 || (conn[0] && conn[1] && role[0] == MASTER && elig[0] && elig[1] && !sole[0] && !sole[1] && !incons[0] && !incons[1]))
#else
#define FIRST 1
#endif
#define F(b) (!quiet && nf < MAXF && A(b) && CALM && FIRST)
inline thaw(i) { hung[i] = 0;
#ifdef BUG_STALETIMER
  stv[i] = 1;
#endif
#ifdef THAWELIG
  elig[i] = 0; cid[i] = 0; clear_pend(i);      /* own loop late by more than dead/2: any role: eligibility, session, request void */
#endif
#ifndef BUG_NORECHECK
  ev[i] = 0
#else
  skip
#endif
}
#endif
proctype Env() {
  byte k; byte s; byte m; mtype t;
  do
  :: atomic { quiet -> skip; break }
  /* crash / boot */
  :: atomic { !quiet && ncrash < MAXCRASH -> ncrash++;
       if :: role[0] != OFF -> crash(0) :: role[1] != OFF -> crash(1) fi }
  :: atomic { !quiet && role[0] == OFF -> role[0] = WAITP; LEFT0 }
  :: atomic { !quiet && role[1] == OFF -> role[1] = WAITP; LEFT1 }
#ifdef PATHS
  :: atomic { F(0) && !cP1 -> nf++; cP1 = 1 }   :: atomic { !quiet && cP1 -> cP1 = 0 }
  :: atomic { F(1) && !cLAN -> nf++; cLAN = 1 } :: atomic { !quiet && cLAN -> cLAN = 0 }
  :: atomic { F(2) && !cP2 -> nf++; cP2 = 1 }   :: atomic { !quiet && cP2 -> cP2 = 0 }
  :: atomic { F(3) && !cR -> nf++; cR = 1 }     :: atomic { !quiet && cR -> cR = 0 }
  :: atomic { F(4) && !gwl[0] -> nf++; gwl[0] = 1 } :: atomic { !quiet && gwl[0] -> gwl[0] = 0 }
  :: atomic { F(5) && !gwl[1] -> nf++; gwl[1] = 1 } :: atomic { !quiet && gwl[1] -> gwl[1] = 0 }
  :: atomic { F(6) && !carl[0] -> nf++; carl[0] = 1 } :: atomic { !quiet && carl[0] -> carl[0] = 0 }
  :: atomic { F(7) && !carl[1] -> nf++; carl[1] = 1 } :: atomic { !quiet && carl[1] -> carl[1] = 0 }
  :: atomic { F(8) && up(0) -> nf++; crash(0) }
  :: atomic { F(9) && up(1) -> nf++; crash(1) }
  :: atomic { F(10) && up(0) && !hung[0] -> nf++; hung[0] = 1 }
  :: atomic { F(11) && up(1) && !hung[1] -> nf++; hung[1] = 1 }
  :: atomic { !quiet && hung[0] -> if :: thaw(0) :: crash(0) fi }   /* resumes, or its watchdog resets it */
  :: atomic { !quiet && hung[1] -> if :: thaw(1) :: crash(1) fi }
  :: atomic { F(12) && up(0) && !dh[0] -> nf++; dh[0] = 1 }
  :: atomic { F(13) && up(1) && !dh[1] -> nf++; dh[1] = 1 }
  :: atomic { !quiet && dh[0] -> dh[0] = 0 }
  :: atomic { !quiet && dh[1] -> dh[1] = 0 }
#endif
  /* one side drops the replication connection */
  :: atomic { !quiet && ncut < MAXCUT && conn[0] && conn[1] -> ncut++;
       if :: drop_conn(0) :: drop_conn(1) fi }
  /* clean stop of a standby: it outdates itself first */
#ifndef LEAVING
  :: atomic { !quiet && ncrash < MAXCRASH && ncut < MAXCUT ->
       if :: standby(0) && !sole[0] -> k = 0 :: standby(1) && !sole[1] -> k = 1 fi;
       ncrash++; ncut++; elig[k] = 0; crash(k); k = 0 }
#endif
  /* message loss */
  :: atomic { !quiet && nempty(q[0]) -> q[0]?t,m; m = 0 }
  :: atomic { !quiet && nempty(q[1]) -> q[1]?t,m; m = 0 }
#ifdef FORCE
  :: atomic { !quiet && !forced && standby(0) && !conn[0] && !incons[0] && !sole[0] -> forced = 1; take_sole(0) }
  :: atomic { !quiet && !forced && standby(1) && !conn[1] && !incons[1] && !sole[1] -> forced = 1; take_sole(1) }
#endif
  :: atomic { !quiet -> quiet = 1; break }
  od
}

/* the kernel/DRBD and the fence hardware: they go on working after `quiet` */
proctype Kern() {
  byte s;
  do
  /* connection handshake, resync direction by data generation */
  :: atomic { up(0) && up(1) && !conn[0] && !conn[1] && !sb && KOK(0) && KOK(1) ->
       if
       :: prim(0) && prim(1) && (dirty[0] && dirty[1]) -> sb = 1; assert(EXEMPT)
       :: dirty[0] && dirty[1] -> sb = 1; assert(EXEMPT)        /* S2 no divergence  */
       :: prim(0) && prim(1) && !(dirty[0] && dirty[1]) -> skip  /* refused, retry     */
       :: !(prim(0) && prim(1)) && !(dirty[0] && dirty[1]) ->
          if
          :: dirty[0] && !prim(1) -> s = 0
          :: dirty[1] && !prim(0) -> s = 1
          :: !dirty[0] && !dirty[1] && prim(0) -> s = 0
          :: !dirty[0] && !dirty[1] && prim(1) -> s = 1
          :: !dirty[0] && !dirty[1] && !prim(0) && !prim(1) && !incons[0] -> s = 0
          :: !dirty[0] && !dirty[1] && !prim(0) && !prim(1) && !incons[1] -> s = 1
          :: else -> s = 2                                       /* rr-conflict: refuse */
          fi;
          if
          :: s < 2 && !incons[s] ->
             assert((acked & data[1-s] & ~data[s]) == 0);        /* S3 no auto discard  */
             conn[0] = 1; conn[1] = 1; age_conn(0); age_conn(1); offer[0] = 0; offer[1] = 0; cid[0] = 1; cid[1] = 1;
             clear_pend(0); clear_pend(1);
#ifdef LEAVING
             plv[0] = 0; plv[1] = 0; lv[0] = 0; lv[1] = 0; lack[0] = 0; lack[1] = 0;
#endif
#ifdef PATHS
             ev[0] = 0; ev[1] = 0;
#endif
             if :: fq[0] -> fq[0] = OLD :: else fi; if :: fq[1] -> fq[1] = OLD :: else fi;
             if :: fdone[0] -> fdone[0] = OLD :: else fi; if :: fdone[1] -> fdone[1] = OLD :: else fi;
             if :: dirty[s] || data[0] != data[1] || incons[1-s] -> incons[1-s] = 1; elig[1-s] = 0 :: else fi;
             if :: role[s] == FROZEN -> role[s] = MASTER :: else fi;
          :: else -> skip
          fi
       fi; s = 0 }
  /* resync finishes */
  :: atomic { conn[0] && conn[1] && incons[0] && KOK(0) && KOK(1) -> data[0] = data[1]; incons[0] = 0; dirty[0] = 0; dirty[1] = 0 }
  :: atomic { conn[0] && conn[1] && incons[1] && KOK(0) && KOK(1) -> data[1] = data[0]; incons[1] = 0; dirty[0] = 0; dirty[1] = 0 }
#ifdef FENCE
  :: atomic { fq[0] -> if :: role[1] != OFF -> crash(1) :: else fi; fdone[0] = fq[0]; fq[0] = 0 }
  :: atomic { fq[1] -> if :: role[0] != OFF -> crash(0) :: else fi; fdone[1] = fq[1]; fq[1] = 0 }
  :: atomic { !quiet && fq[0] -> fq[0] = 0 }        /* fence agent failed */
  :: atomic { !quiet && fq[1] -> fq[1] = 0 }
  :: atomic { quiet && role[0] == OFF && role[1] != OFF && FBOOT -> role[0] = WAITP }
  :: atomic { quiet && role[1] == OFF && role[0] != OFF && FBOOT -> role[1] = WAITP }
#endif
  od
}
active proctype Mon() {     /* global invariants, checked in every state */
  end: atomic { !(EXEMPT || !((acked & data[0] & ~data[1]) && (acked & data[1] & ~data[0]))) ->
         assert(0) }         /* S2 acked sets never diverge */
}

init { atomic { run Node(0); run Node(1);
#ifdef PATHS
  run KNode(0); run KNode(1);
#endif
  run Env(); run Kern() } }

/* ---- liveness (quiet = the environment has stopped failing things) ---- */
#define serve(i) (role[i] == MASTER)
#define alone(i) (quiet && role[i] != OFF && role[1-i] == OFF && noreq##i && fq[1-i] == 0)
#define noreq0 (!q[0]??[OUTDATE,_])
#define noreq1 (!q[1]??[OUTDATE,_])
#ifdef WITNESS
#define proof(i) (!incons[i] && (sole[i] || (elig[i] && (wit == SHARED || wit == i))))
#else
#ifdef STRICT
#define proof(i) (!incons[i] && (sole[i] || role[i] == FROZEN || offer[i]))
#else
#define proof(i) (!incons[i] && (sole[i] || elig[i]))
#endif
#endif
#ifdef L1
ltl l1 { [] ((alone(0) && proof(0) && !sb) -> <> (serve(0) || sb)) }
#endif
#ifdef L2
ltl l2 { [] ((quiet && up(0) && up(1) && !sb) -> <> (serve(0) || serve(1) || sb || !up(0) || !up(1))) }
#endif
#endif
