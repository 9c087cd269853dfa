import { encodeCommand, jobKey, StateStore } from "@steppe/state";
import { canonicalizeJob, decodeJob, jobListStub } from "@steppe/structs";
import { endpoints } from "@steppe/api";
import { seededRandom, systemClock } from "@steppe/shared";
import { Pipeline, listSource, makeRequest } from "../dist/http/index.js";
const state = new StateStore(); let index = state.appliedIndex;
for (let n=0;n<10000;n++){ const id="seed-"+String(n).padStart(6,"0");
const job=canonicalizeJob(decodeJob({ID:id,Name:id,Type:"service",Datacenters:["dc1"],TaskGroups:[{Name:"g",Count:1,Tasks:[{Name:"t",Driver:"mock_driver",Config:{run_for:"10h"}}]}]}),{nowNs:1795326287396606000,region:"global"});
state.apply([{index:++index,term:1,data:encodeCommand("jobRegister",{job,evaluation:null})}]);}
const src=listSource({table:"jobs",join:"jobSummaries",order:"namespace",stub:(j,s)=>jobListStub(j,s)});
const handlers=Object.fromEntries(Object.keys(endpoints).map(n=>[n,()=>({data:null,index:1})])); handlers.listJobs=()=>src;
const raft={isLeader:()=>true,hasLease:()=>true,leaderId:()=>1,lastContactMs:()=>0};
const p=new Pipeline({context:{config:{region:"global"},state,raft,clock:systemClock,random:seededRandom(1),logger:console},handlers});
const mode=process.argv[2]; let k=0;
const url={filter:()=>`/v1/jobs?filter=${encodeURIComponent(`Name matches "seed-[0-9]+${1000+k++}$"`)}`,page:()=>`/v1/jobs?per_page=100&next_token=default.seed-00${1000+(k++%8000)}`}[mode];
for(let r=0;r<5;r++){const a=process.cpuUsage();const N=mode==="page"?500:60;for(let i=0;i<N;i++){await p.handle(makeRequest({url:url()}));}const b=process.cpuUsage(a);console.log(mode,((b.user+b.system)/N).toFixed(0),"us each")}
