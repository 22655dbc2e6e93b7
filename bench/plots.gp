# SPDX-License-Identifier: Apache-2.0
# Draws what scripts/bench measured: goals.svg, how far each row with a
# goal is past its must (1 is met, whichever way it counts), with p10 and
# p90; wire.svg, TSC ticks from a frame to its records; ports.svg, what a
# worker and the other side made of the same packets.
# gnuplot -e "results='DIR'" bench/plots.gp
set datafile separator comma
set terminal svg size 960,640 dynamic font "sans,12" background "white"
csv = results . "/results.csv"
set style fill solid 0.6 noborder
set boxwidth 0.7
unset key
set xtics rotate by -40 noenhanced
set ytics nomirror
set grid y
set bmargin 12

past(goal, value, must) = goal eq "least" ? value / must : must / value
with_goal = "<awk -F, 'NR == 1 || $2 != \"\"' " . csv
of_wire = "<awk -F, 'NR == 1 || $1 ~ /^wire/' " . csv

set output results . "/goals.svg"
set title "measured against what must be (1), logarithmic"
set logscale y
set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead lw 2
plot with_goal using 0:(past(strcol(2), $5, $3)):(0.7):xtic(1) skip 1 with boxes lc "#4477aa", \
     with_goal using 0:(past(strcol(2), $5, $3)):(past(strcol(2), $6, $3)):(past(strcol(2), $7, $3)) skip 1 \
         with yerrorbars lc "black" pt 0

set output results . "/wire.svg"
unset logscale y
unset arrow 1
set yrange [0:*]
set title "decode and parse, TSC ticks"
plot of_wire using 0:5:(0.7):xtic(1) skip 1 with boxes lc "#4477aa", \
     of_wire using 0:5:6:7 skip 1 with yerrorbars lc "black" pt 0

# name, ours, theirs: counters a_per_s and b_per_s
of_ports = "<awk -F, '/^(worker.pcap.[0-9]*M,|cores|memif|af_|socket)/ { match($0, /a_per_s=[^ \"]*/); a = substr($0, RSTART + 8, RLENGTH - 8); if (match($0, /b_per_s=[^ \"]*/)) print $1 \",\" a / 1e6 \",\" substr($0, RSTART + 8, RLENGTH - 8) / 1e6 }' " . csv
set output results . "/ports.svg"
set logscale y
set yrange [*:*]
set key top right
set style data histograms
set style histogram clustered
set title "end to end, M/s: the worker (two: both) and the other side"
plot of_ports using 2:xtic(1) title "worker" lc "#4477aa", '' using 3 title "baseline" lc "#bbbbbb"
