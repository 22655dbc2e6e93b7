# SPDX-License-Identifier: Apache-2.0
# Draws what beatline-detect wrote: a plot per series (intervals, the
# timeouts of lovebeat and auto set before each) and Chen's figures.
# beatline-detect DIR && gnuplot -e "results='DIR'" bench/detect/plots.gp
set datafile separator comma
set terminal svg size 960,420 dynamic font "sans,12" background "white"
set key outside top horizontal
set ytics nomirror
set grid y
set xlabel "beat"
set ylabel "s"

do for [name in "sine constant switch growing spike double spikes daily"] {
    csv = results . "/series-" . name . ".csv"
    set output results . "/series-" . name . ".svg"
    set title name . ": " . system("sed -n '1s/^# //p' " . csv)
    # Outages would flatten the rest.
    set yrange [*:*]
    if (name eq "spike" || name eq "spikes") { set yrange [25:40] }
    if (name eq "double") { set yrange [0:40] }
    if (name eq "switch") { set yrange [50:200] }
    if (name eq "constant") { set yrange [9:12] }
    plot csv using 1:2 skip 2 with points pt 7 ps 0.3 lc "#999999" title "interval", \
         csv using 1:3 skip 2 with lines lw 1 lc "#cc6677" title "lovebeat's timeout", \
         csv using 1:4 skip 2 with lines lw 1.5 lc "#4477aa" title "auto"
}

csv = results . "/quality.csv"
of(detector, retries, delay) = sprintf("<awk -F, '$1 == \"%s\" && $2 == \"%s\" && $4 == \"%s\"' %s", \
                                       detector, retries, delay, csv)
set terminal svg size 1320,720 dynamic font "sans,12" background "white"
set output results . "/quality.svg"
set multiplot layout 2,3 title "a beat every 10 s: detection time and mistakes (fixed: 30 s)"
set xlabel "beats lost, %"
set yrange [*:*]
do for [delay in "light heavy"] {
    set title delay . " delay: detection time, mean (line) and p99 (points)"
    set ylabel "s"
    unset logscale y
    set key top left inside vertical
    set yrange [0:*]
    plot of("fixed", "0", delay) using 3:5 with lines lw 2 lc "#999933" title "fixed", \
         of("auto", "0", delay) using 3:5 with lines lw 2 lc "#4477aa" title "auto", \
         of("auto", "1", delay) using 3:5 with lines lw 2 dt 2 lc "#4477aa" title "auto, 1 retry", \
         of("phi", "0", delay) using 3:5 with lines lw 2 lc "#cc6677" title "phi 8", \
         of("fixed", "0", delay) using 3:6 pt 7 lc "#999933" notitle, \
         of("auto", "0", delay) using 3:6 pt 7 lc "#4477aa" notitle, \
         of("auto", "1", delay) using 3:6 pt 6 lc "#4477aa" notitle, \
         of("phi", "0", delay) using 3:6 pt 7 lc "#cc6677" notitle
    set title delay . " delay: mistakes a day (0.1: fewer)"
    set ylabel "a day"
    set key bottom right inside vertical
    set logscale y
    set yrange [0.1:1000]
    plot of("fixed", "0", delay) using 3:($7 > 0.1 ? $7 : 0.1) with linespoints lw 2 lc "#999933" title "fixed", \
         of("auto", "0", delay) using 3:($7 > 0.1 ? $7 : 0.1) with linespoints lw 2 lc "#4477aa" title "auto", \
         of("auto", "1", delay) using 3:($7 > 0.1 ? $7 : 0.1) with linespoints lw 2 dt 2 lc "#4477aa" title "auto, 1 retry", \
         of("phi", "0", delay) using 3:($7 > 0.1 ? $7 : 0.1) with linespoints lw 2 lc "#cc6677" title "phi 8"
    set title delay . " delay: how long a mistake lasts, mean"
    set ylabel "s"
    set key top right inside vertical
    unset logscale y
    set yrange [0:*]
    # Where there was none there is no point. Room for the key.
    set offsets 0, 0, 4, 0
    plot of("fixed", "0", delay) using 3:($7 > 0 ? $8 : NaN) with linespoints lw 2 lc "#999933" title "fixed", \
         of("auto", "0", delay) using 3:($7 > 0 ? $8 : NaN) with linespoints lw 2 lc "#4477aa" title "auto", \
         of("auto", "1", delay) using 3:($7 > 0 ? $8 : NaN) with linespoints lw 2 dt 2 lc "#4477aa" title "auto, 1 retry", \
         of("phi", "0", delay) using 3:($7 > 0 ? $8 : NaN) with linespoints lw 2 lc "#cc6677" title "phi 8"
    unset offsets
}
unset multiplot
