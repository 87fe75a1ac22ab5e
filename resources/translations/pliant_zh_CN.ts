<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN">
<context>
    <name>AboutEngine</name>
    <message>
        <source>About the engine</source>
        <translation>关于引擎</translation>
    </message>
    <message>
        <source>Runtime</source>
        <translation>运行环境</translation>
    </message>
    <message>
        <source>Versions</source>
        <translation>版本</translation>
    </message>
    <message>
        <source>Runs on</source>
        <translation>运行设备</translation>
    </message>
    <message>
        <source>Log files</source>
        <translation>日志文件</translation>
    </message>
    <message>
        <source>Asking the engine…</source>
        <translation>正在询问引擎…</translation>
    </message>
</context>
<context>
    <name>Actions</name>
    <message>
        <source>&amp;Open…</source>
        <translation>打开(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Generate a picture…</source>
        <translation>生成图片(&amp;G)…</translation>
    </message>
    <message>
        <source>Start &amp;page and samples</source>
        <translation>开始页和示例(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Save</source>
        <translation>保存(&amp;S)</translation>
    </message>
    <message>
        <source>Save &amp;as…</source>
        <translation>另存为(&amp;A)…</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>退出(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>撤销(&amp;U)</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>重做(&amp;R)</translation>
    </message>
    <message>
        <source>Re&amp;fine</source>
        <translation>精修(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Keep the edit as a layer</source>
        <translation>将编辑结果保留为图层(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Place a drag</source>
        <translation>放置拖动(&amp;P)</translation>
    </message>
    <message>
        <source>Place a p&amp;in</source>
        <translation>放置图钉(&amp;I)</translation>
    </message>
    <message>
        <source>Select all &amp;markers</source>
        <translation>全选标记(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;Delete markers</source>
        <translation>删除标记(&amp;D)</translation>
    </message>
    <message>
        <source>Re&amp;verse drags</source>
        <translation>反转拖动方向(&amp;V)</translation>
    </message>
    <message>
        <source>Mirror d&amp;rags</source>
        <translation>镜像复制拖动(&amp;R)</translation>
    </message>
    <message>
        <source>Forget what &amp;may change</source>
        <translation>清除可更改区域(&amp;M)</translation>
    </message>
    <message>
        <source>Forget what is &amp;protected</source>
        <translation>清除保护区域(&amp;P)</translation>
    </message>
    <message>
        <source>Forget what m&amp;oves</source>
        <translation>清除主体(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Find what moves</source>
        <translation>查找主体(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Erase</source>
        <translation>擦除(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Show masks</source>
        <translation>显示蒙版(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Fit the window</source>
        <translation>适合窗口(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;100 %</source>
        <translation>100%(&amp;1)</translation>
    </message>
    <message>
        <source>Zoom &amp;in</source>
        <translation>放大(&amp;I)</translation>
    </message>
    <message>
        <source>Zoom &amp;out</source>
        <translation>缩小(&amp;O)</translation>
    </message>
    <message>
        <source>&amp;Compare before and after</source>
        <translation>对比前后效果(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Mirror the view</source>
        <translation>水平翻转视图(&amp;M)</translation>
    </message>
    <message>
        <source>Turn the view &amp;left</source>
        <translation>向左旋转视图(&amp;L)</translation>
    </message>
    <message>
        <source>Turn the view &amp;right</source>
        <translation>向右旋转视图(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Straighten the view</source>
        <translation>摆正视图(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Drag</source>
        <translation>拖动(&amp;D)</translation>
    </message>
    <message>
        <source>Brush: &amp;may change</source>
        <translation>画笔：可更改区域(&amp;M)</translation>
    </message>
    <message>
        <source>Brush: &amp;protect</source>
        <translation>画笔：保护区域(&amp;P)</translation>
    </message>
    <message>
        <source>Brush: move &amp;this</source>
        <translation>画笔：要移动的主体(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Quick select what moves</source>
        <translation>快速选择主体(&amp;Q)</translation>
    </message>
    <message>
        <source>&amp;Hand</source>
        <translation>抓手(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Swap may change and protect</source>
        <translation>切换可更改与保护画笔(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Panels and bars</source>
        <translation>面板和工具栏(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>编辑(&amp;E)</translation>
    </message>
    <message>
        <source>&amp;Mask</source>
        <translation>蒙版(&amp;M)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Tools</source>
        <translation>工具(&amp;T)</translation>
    </message>
</context>
<context>
    <name>Badge</name>
    <message>
        <source>What the canvas shows</source>
        <translation>画布上显示的内容</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>之前</translation>
    </message>
    <message>
        <source>{title}: preview</source>
        <translation>{title}：预览</translation>
    </message>
    <message>
        <source>{title}: keeping…</source>
        <translation>{title}：正在保留…</translation>
    </message>
    <message>
        <source>{title}: stopped early · Enter keeps it as a layer</source>
        <translation>{title}：提前停止 · 按 Enter 保留为图层</translation>
    </message>
    <message>
        <source>{title} · Enter keeps it as a layer</source>
        <translation>{title} · 按 Enter 保留为图层</translation>
    </message>
</context>
<context>
    <name>BrushTool</name>
    <message>
        <source>Erase from the mask</source>
        <translation>擦除蒙版</translation>
    </message>
    <message>
        <source>Paint the mask</source>
        <translation>绘制蒙版</translation>
    </message>
</context>
<context>
    <name>CanvasInput</name>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
</context>
<context>
    <name>DragTool</name>
    <message>
        <source>Add pin</source>
        <translation>添加图钉</translation>
    </message>
    <message>
        <source>This layer is locked; unlock it in the layers panel to drag it.</source>
        <translation>此图层已锁定。要拖动它，请先在图层面板中解锁。</translation>
    </message>
    <message>
        <source>Add drag</source>
        <translation>添加拖动</translation>
    </message>
    <message>
        <source>This layer is hidden; show it in the layers panel to drag it.</source>
        <translation>此图层已隐藏；请先在图层面板中显示它，再进行拖动。</translation>
    </message>
    <message>
        <source>Move markers</source>
        <translation>移动标记</translation>
    </message>
    <message>
        <source>Nudge markers</source>
        <translation>微移标记</translation>
    </message>
    <message>
        <source>Reverse drags</source>
        <translation>反转拖动方向</translation>
    </message>
    <message>
        <source>Mirror drags</source>
        <translation>镜像复制拖动</translation>
    </message>
    <message>
        <source>Delete markers</source>
        <translation>删除标记</translation>
    </message>
</context>
<context>
    <name>EditPanel</name>
    <message>
        <source>Bend</source>
        <translation>变形</translation>
    </message>
    <message>
        <source>Bend the picture like a rubber sheet</source>
        <translation>让画面像橡皮膜一样变形</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>移动</translation>
    </message>
    <message>
        <source>Lift off what moves, and fill the place that it leaves</source>
        <translation>将主体分离出来移动，并填补它留下的空白</translation>
    </message>
    <message>
        <source>Keep as a layer</source>
        <translation>保留为图层</translation>
    </message>
    <message>
        <source>Remove drags</source>
        <translation>移除拖动</translation>
    </message>
    <message>
        <source>Keeping…</source>
        <translation>正在保留…</translation>
    </message>
    <message>
        <source>Move instead of bending</source>
        <translation>由变形改为移动</translation>
    </message>
    <message>
        <source>Bend instead of moving</source>
        <translation>由移动改为变形</translation>
    </message>
    <message>
        <source>Drags: {drags}   Pins: {pins}</source>
        <translation>拖动：{drags}&#x3000;图钉：{pins}</translation>
    </message>
    <message>
        <source>Press on the picture and pull. Double-click to pin a place.</source>
        <translation>按住图片并拖动。双击可添加图钉。</translation>
    </message>
</context>
<context>
    <name>EditSession</name>
    <message>
        <source>{kept} is kept; {title} goes on.</source>
        <translation>已保留 {kept}；{title} 仍在继续。</translation>
    </message>
    <message>
        <source>{title} is done; undo to what it was made for to see it.</source>
        <translation>{title} 已完成；撤销到对应的拖动即可查看。</translation>
    </message>
    <message>
        <source>{told}: {advice}.</source>
        <translation>{told}：{advice}。</translation>
    </message>
    <message>
        <source>Drag {number} starts where nothing may change, and will stay; let the picture change there.</source>
        <translation>拖动 {number} 的起点处不可更改，因此不会移动；请让该处可以更改。</translation>
    </message>
    <message>
        <source>The drag moved {percent} % of the way.</source>
        <translation>拖动到达了全程的 {percent}%。</translation>
    </message>
    <message>
        <source>All {count} drags arrived; the least far, drag {number}, moved {percent} % of the way.</source>
        <translation>{count} 个拖动全部到位；其中拖动 {number} 走得最少，到达了全程的 {percent}%。</translation>
    </message>
    <message>
        <source>{arrived} of {count} drags arrived, and drag {number} moved {percent} % of the way</source>
        <translation>{count} 个拖动中有 {arrived} 个到位，拖动 {number} 只到达了全程的 {percent}%</translation>
    </message>
    <message>
        <source>Drag {number} moved {percent} % of the way</source>
        <translation>拖动 {number} 只到达了全程的 {percent}%</translation>
    </message>
    <message>
        <source>it starts where nothing may change; let the picture change there</source>
        <translation>其起点处不可更改，请让该处可以更改</translation>
    </message>
    <message>
        <source>it was stopped early; let it run to its end</source>
        <translation>已提前停止，请让它运行到底</translation>
    </message>
    <message>
        <source>allow it more steps, or pull less</source>
        <translation>请增加步数，或缩短拖动距离</translation>
    </message>
    <message>
        <source>let more of the picture change, or pull less</source>
        <translation>请扩大可更改区域，或缩短拖动距离</translation>
    </message>
</context>
<context>
    <name>EngineMenu</name>
    <message>
        <source>Choose the folder of a Python environment</source>
        <translation>选择 Python 环境的文件夹</translation>
    </message>
    <message>
        <source>Trying the engine in {}…</source>
        <translation>正在尝试 {} 中的引擎…</translation>
    </message>
    <message>
        <source>There is no Python in {} any more; the engine of this installation is used.</source>
        <translation>{} 中已没有 Python；将使用此安装的引擎。</translation>
    </message>
    <message>
        <source>&amp;Restart the engine</source>
        <translation>重新启动引擎(&amp;R)</translation>
    </message>
    <message>
        <source>This &amp;installation</source>
        <translation>此安装(&amp;I)</translation>
    </message>
    <message>
        <source>Another Python &amp;folder…</source>
        <translation>其他 Python 文件夹(&amp;F)…</translation>
    </message>
    <message>
        <source>&amp;About the engine…</source>
        <translation>关于引擎(&amp;A)…</translation>
    </message>
    <message>
        <source>The engine goes on as before.</source>
        <translation>引擎照旧运行。</translation>
    </message>
    <message>
        <source>The engine is ready: {}.</source>
        <translation>引擎已就绪：{}。</translation>
    </message>
</context>
<context>
    <name>EngineTier</name>
    <message>
        <source>{title} was stopped; nothing of it is kept.</source>
        <translation>{title} 已停止，不保留任何结果。</translation>
    </message>
    <message>
        <source>{title} was stopped before there was anything to show.</source>
        <translation>{title} 在有可显示的结果之前就已停止。</translation>
    </message>
</context>
<context>
    <name>EngineWorker</name>
    <message>
        <source>The system ended the engine, probably because memory ran out; it was restarted. Your document is untouched. Try a smaller part, or close other programs.</source>
        <translation>系统结束了引擎，很可能是因为内存不足；引擎已重新启动。您的文档未受影响。请缩小编辑范围，或关闭其他程序。</translation>
    </message>
    <message>
        <source>The graphics device reported a fault, so the engine was restarted. Your document is untouched; run the edit again.</source>
        <translation>图形设备报告了故障，引擎已重新启动。您的文档未受影响；请再次运行编辑。</translation>
    </message>
    <message>
        <source>The engine crashed (status {status}) and was restarted. Your document is untouched; run the edit again.</source>
        <translation>引擎崩溃（状态 {status}），已重新启动。您的文档未受影响；请再次运行编辑。</translation>
    </message>
    <message>
        <source>The engine gave no sign for {seconds} s, so it was restarted. Your document is untouched; run the edit again.</source>
        <translation>引擎 {seconds} 秒没有响应，已重新启动。您的文档未受影响；请再次运行编辑。</translation>
    </message>
    <message>
        <source>The edit did not stop within {seconds} s, so the engine was restarted. Your document is untouched.</source>
        <translation>编辑未能在 {seconds} 秒内停止，引擎已重新启动。您的文档未受影响。</translation>
    </message>
    <message>
        <source>The engine was restarted; run the edit again.</source>
        <translation>引擎已重新启动；请再次运行编辑。</translation>
    </message>
    <message>
        <source>The engine&apos;s answer made no sense, so it was restarted; run the edit again.</source>
        <translation>无法理解引擎的应答，引擎已重新启动；请再次运行编辑。</translation>
    </message>
    <message>
        <source>The edit has made no progress for {seconds} s. Wait, or cancel it; your document is untouched.</source>
        <translation>编辑已有 {seconds} 秒没有进展。请等待或取消；您的文档未受影响。</translation>
    </message>
    <message>
        <source>The edit has waited for more than {seconds} s, as the engine is still at the job before. Wait, or restart the engine; your document is untouched.</source>
        <translation>引擎仍在处理前一个任务，此编辑已等待超过 {seconds} 秒。请继续等待或重新启动引擎；您的文档未受影响。</translation>
    </message>
    <message>
        <source>The edit waits until what there is of the stopped one is finished. Wait, or press Discard; your document is untouched.</source>
        <translation>正在完成已停止编辑的现有结果，此编辑正在等待。请等待，或按“放弃”；文档未受影响。</translation>
    </message>
    <message>
        <source>The edit could not be prepared; what went wrong is written in {folder}. Try again.</source>
        <translation>无法准备此编辑；原因记录在 {folder} 中。请重试。</translation>
    </message>
    <message>
        <source>The engine cannot be started with {program}. Install Pliant again or choose another runtime; what went wrong is written in {folder}.</source>
        <translation>无法用 {program} 启动引擎。请重新安装 Pliant 或选择其他运行环境；出错原因记录在 {folder} 中。</translation>
    </message>
    <message>
        <source>There is no Python in {folder}; choose the folder of a runtime.</source>
        <translation>{folder} 中没有 Python；请选择运行环境所在的文件夹。</translation>
    </message>
    <message>
        <source>The Python in {folder} has no torch, which every method of the engine needs; install torch there, or choose another folder.</source>
        <translation>{folder} 中的 Python 没有 torch，而引擎的所有方法都需要它；请在那里安装 torch，或选择其他文件夹。</translation>
    </message>
    <message>
        <source>The runtime {program} belongs to another version of Pliant; update it, or choose another.</source>
        <translation>运行环境 {program} 属于其他版本的 Pliant；请更新它或选择其他运行环境。</translation>
    </message>
    <message>
        <source>{count} edits are waiting already; let one finish, or cancel one.</source>
        <translation>已有 {count} 项编辑在等待；请等其中一项完成，或取消一项。</translation>
    </message>
    <message>
        <source>Memory does not suffice to hand the picture to the engine; close other programs.</source>
        <translation>内存不足，无法把图片交给引擎；请关闭其他程序。</translation>
    </message>
</context>
<context>
    <name>FileWorker</name>
    <message>
        <source>There is not enough memory for this picture; close other programs and try again.</source>
        <translation>内存不足，无法处理此图片。请关闭其他程序后重试。</translation>
    </message>
</context>
<context>
    <name>Filing</name>
    <message>
        <source>Open a picture</source>
        <translation>打开图片</translation>
    </message>
    <message>
        <source>picture.png</source>
        <translation>图片.png</translation>
    </message>
    <message>
        <source>Save the picture</source>
        <translation>保存图片</translation>
    </message>
    <message>
        <source>Opening {}…</source>
        <translation>正在打开 {}…</translation>
    </message>
    <message>
        <source>Saving {}…</source>
        <translation>正在保存 {}…</translation>
    </message>
    <message>
        <source>Background</source>
        <translation>背景</translation>
    </message>
    <message>
        <source>Saved to {} as one picture; layers and masks stay only while it is open.</source>
        <translation>已作为一张图像保存到 {}；图层和蒙版只在打开期间保留。</translation>
    </message>
    <message>
        <source>{} exists already. Replace it?</source>
        <translation>{} 已存在。要替换它吗？</translation>
    </message>
    <message>
        <source>Press on the picture and pull.</source>
        <translation>在图片上按住并拖动。</translation>
    </message>
    <message>
        <source>Saved to {}</source>
        <translation>已保存到 {}</translation>
    </message>
</context>
<context>
    <name>GenerateDialog</name>
    <message>
        <source>Generate a picture</source>
        <translation>生成图片</translation>
    </message>
    <message>
        <source>What the picture should show</source>
        <translation>图片要表现的内容</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Pack</source>
        <translation>模型包</translation>
    </message>
    <message>
        <source>Width</source>
        <translation>宽度</translation>
    </message>
    <message>
        <source>Height</source>
        <translation>高度</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>种子</translation>
    </message>
    <message>
        <source>Another seed, by chance</source>
        <translation>随机换一个种子</translation>
    </message>
    <message>
        <source>&amp;Generate</source>
        <translation>生成(&amp;G)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>&amp;Open for editing</source>
        <translation>打开以编辑(&amp;O)</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>尺寸</translation>
    </message>
</context>
<context>
    <name>HistoryPanel</name>
    <message>
        <source>As opened</source>
        <translation>打开时的状态</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史记录</translation>
    </message>
    <message>
        <source>The steps taken; choose one to go back or forth to it.</source>
        <translation>已执行的步骤；选择其中一步即可回到或前进到该步。</translation>
    </message>
</context>
<context>
    <name>Keeper</name>
    <message>
        <source>Drag</source>
        <translation>拖动</translation>
    </message>
    <message>
        <source>Keep the drag</source>
        <translation>保留拖动结果</translation>
    </message>
    <message>
        <source>The drag was not kept; press Enter again.</source>
        <translation>拖动未被保留；请再次按 Enter。</translation>
    </message>
</context>
<context>
    <name>LayersModel</name>
    <message>
        <source>Rename layer</source>
        <translation>重命名图层</translation>
    </message>
    <message>
        <source>Show layer</source>
        <translation>显示图层</translation>
    </message>
    <message>
        <source>Hide layer</source>
        <translation>隐藏图层</translation>
    </message>
    <message>
        <source>Lock layer</source>
        <translation>锁定图层</translation>
    </message>
    <message>
        <source>Unlock layer</source>
        <translation>解锁图层</translation>
    </message>
    <message>
        <source>Move layer</source>
        <translation>移动图层</translation>
    </message>
    <message>
        <source>{}, locked</source>
        <translation>{}，已锁定</translation>
    </message>
    <message>
        <source>{}, hidden and locked</source>
        <translation>{}，已隐藏并锁定</translation>
    </message>
    <message>
        <source>{}, hidden</source>
        <translation>{}，已隐藏</translation>
    </message>
</context>
<context>
    <name>LayersPanel</name>
    <message>
        <source>Layers</source>
        <translation>图层</translation>
    </message>
    <message>
        <source> %</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Opacity</source>
        <translation>不透明度</translation>
    </message>
    <message>
        <source>How much of the layer shows over those below it.</source>
        <translation>此图层覆盖下方图层的程度。</translation>
    </message>
    <message>
        <source>New layer</source>
        <translation>新建图层</translation>
    </message>
    <message>
        <source>Duplicate layer</source>
        <translation>复制图层</translation>
    </message>
    <message>
        <source>Move layer up</source>
        <translation>上移图层</translation>
    </message>
    <message>
        <source>Move layer down</source>
        <translation>下移图层</translation>
    </message>
    <message>
        <source>Delete layer</source>
        <translation>删除图层</translation>
    </message>
    <message>
        <source>Rename layer</source>
        <translation>重命名图层</translation>
    </message>
    <message>
        <source>Layer visible</source>
        <translation>图层可见</translation>
    </message>
    <message>
        <source>Layer locked</source>
        <translation>图层锁定</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>图层</translation>
    </message>
    <message>
        <source>{} copy</source>
        <translation>{} 副本</translation>
    </message>
    <message>
        <source>Move layer</source>
        <translation>移动图层</translation>
    </message>
    <message>
        <source>Layer opacity</source>
        <translation>图层不透明度</translation>
    </message>
</context>
<context>
    <name>Leaving</name>
    <message>
        <source>The picture has changes that are not saved. Save it first?</source>
        <translation>图像有未保存的更改。要先保存吗？</translation>
    </message>
    <message>
        <source>Layers and masks are lost: a file holds the picture as one.</source>
        <translation>文件只保存一张图像，图层和蒙版会丢失。</translation>
    </message>
    <message>
        <source>The picture is saved as one. Close it without its layers and masks?</source>
        <translation>图像已作为一张保存。要关闭它并放弃图层和蒙版吗？</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>There is no drag yet: before and after are the same.</source>
        <translation>还没有拖动：前后效果相同。</translation>
    </message>
    <message>
        <source>Drag</source>
        <translation>拖动</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>图层</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史记录</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>工具</translation>
    </message>
    <message>
        <source>T&amp;heme</source>
        <translation>主题(&amp;H)</translation>
    </message>
    <message>
        <source>E&amp;ngine</source>
        <translation>引擎(&amp;N)</translation>
    </message>
    <message>
        <source>Sample</source>
        <translation>示例</translation>
    </message>
    <message>
        <source>Generated picture</source>
        <translation>生成的图片</translation>
    </message>
    <message>
        <source>Welcome</source>
        <translation>欢迎</translation>
    </message>
</context>
<context>
    <name>MethodChooser</name>
    <message>
        <source>Settings of this method</source>
        <translation>此方法的设置</translation>
    </message>
    <message>
        <source>{} · {}, simplified</source>
        <translation>{} · {}（简化版）</translation>
    </message>
</context>
<context>
    <name>Offering</name>
    <message>
        <source>&amp;Prepare refining while I work</source>
        <translation>在我工作时准备精修(&amp;P)</translation>
    </message>
</context>
<context>
    <name>Phase</name>
    <message>
        <source>Preparing</source>
        <translation>正在准备</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>正在加载</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>正在编码</translation>
    </message>
    <message>
        <source>Learning</source>
        <translation>正在学习</translation>
    </message>
    <message>
        <source>Generating again</source>
        <translation>正在重新生成</translation>
    </message>
    <message>
        <source>Inverting</source>
        <translation>正在反演</translation>
    </message>
    <message>
        <source>Dragging</source>
        <translation>正在拖动</translation>
    </message>
    <message>
        <source>Denoising</source>
        <translation>正在去噪</translation>
    </message>
    <message>
        <source>Decoding</source>
        <translation>正在解码</translation>
    </message>
    <message>
        <source>Finding what moves</source>
        <translation>正在识别移动对象</translation>
    </message>
    <message>
        <source>Finding the motion</source>
        <translation>正在估计运动</translation>
    </message>
    <message>
        <source>Moving</source>
        <translation>正在移动</translation>
    </message>
    <message>
        <source>Filling</source>
        <translation>正在填充</translation>
    </message>
    <message>
        <source>Restoring detail</source>
        <translation>正在恢复细节</translation>
    </message>
</context>
<context>
    <name>PrepareTier</name>
    <message>
        <source>Preparing: {phase} {done}/{total}</source>
        <translation>正在准备：{phase} {done}/{total}</translation>
    </message>
</context>
<context>
    <name>PullHint</name>
    <message>
        <source>Press on the picture and pull</source>
        <translation>在图片上按住并拖动</translation>
    </message>
</context>
<context>
    <name>ResultsList</name>
    <message>
        <source>Results</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>The results of these drags; choose the one to see and to keep.</source>
        <translation>这些拖动的结果；请选择要查看并保留的那一个。</translation>
    </message>
    <message>
        <source>Without refining</source>
        <translation>未精修</translation>
    </message>
    <message>
        <source>{title} · {percent} %</source>
        <translation>{title} · {percent}%</translation>
    </message>
    <message>
        <source>{title}, stopped early</source>
        <translation>{title}（提前停止）</translation>
    </message>
</context>
<context>
    <name>RunPanel</name>
    <message>
        <source>When the pointer rests</source>
        <translation>指针停下时</translation>
    </message>
    <message>
        <source>On demand</source>
        <translation>按需运行</translation>
    </message>
    <message>
        <source>Flow warp alone</source>
        <translation>仅流变形</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>NVIDIA GPU</source>
        <translation>NVIDIA GPU</translation>
    </message>
    <message>
        <source>Apple GPU</source>
        <translation>Apple GPU</translation>
    </message>
    <message>
        <source>Run on</source>
        <translation>运行设备</translation>
    </message>
    <message>
        <source>Refine</source>
        <translation>精修</translation>
    </message>
    <message>
        <source>Run the method on the drags (Ctrl+Enter)</source>
        <translation>对拖动运行该方法 (Ctrl+Enter)</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>End at once, and drop what there is so far (Esc)</source>
        <translation>立即结束，并放弃目前的结果 (Esc)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stop, and show what there is so far (Esc)</source>
        <translation>停止并显示目前的结果 (Esc)</translation>
    </message>
</context>
<context>
    <name>SelectTool</name>
    <message>
        <source>Select what moves</source>
        <translation>选择主体</translation>
    </message>
</context>
<context>
    <name>SettingsForm</name>
    <message>
        <source>Reset {} to its default</source>
        <translation>将“{}”恢复为默认值</translation>
    </message>
    <message>
        <source>Reset to the default, {}</source>
        <translation>恢复为默认值：{}</translation>
    </message>
    <message>
        <source>on</source>
        <translation>开</translation>
    </message>
    <message>
        <source>off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Stiffness</source>
        <translation>刚性</translation>
    </message>
    <message>
        <source>How far around a handle the picture moves as one piece</source>
        <translation>控制点周围多大范围作为整体移动</translation>
    </message>
    <message>
        <source>Fill</source>
        <translation>填充方式</translation>
    </message>
    <message>
        <source>What uncovered places get: texture from elsewhere in the picture, or smooth colour</source>
        <translation>露出的空白如何填补：用图片其他位置的纹理，或用平滑的颜色</translation>
    </message>
    <message>
        <source>texture</source>
        <translation>纹理</translation>
    </message>
    <message>
        <source>smooth</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>Flowgen</source>
        <translation>FlowGen</translation>
    </message>
    <message>
        <source>Which network spreads the motion: one for few drags, or a very fine one for many</source>
        <translation>由哪个网络扩散运动：适合少量拖动的，或适合大量拖动的精细网络</translation>
    </message>
    <message>
        <source>few</source>
        <translation>少量</translation>
    </message>
    <message>
        <source>many</source>
        <translation>大量</translation>
    </message>
    <message>
        <source>Reach</source>
        <translation>幅度</translation>
    </message>
    <message>
        <source>How far the motion reaches: peak, as far as the longest drag, or static, by a factor</source>
        <translation>运动的幅度：峰值（达到最长的拖动），或固定（按倍数）</translation>
    </message>
    <message>
        <source>peak</source>
        <translation>峰值</translation>
    </message>
    <message>
        <source>static</source>
        <translation>固定</translation>
    </message>
    <message>
        <source>Reach Factor</source>
        <translation>幅度倍数</translation>
    </message>
    <message>
        <source>What a static reach multiplies the motion by</source>
        <translation>固定幅度时运动所乘的倍数</translation>
    </message>
    <message>
        <source>Inference Steps</source>
        <translation>推理步数</translation>
    </message>
    <message>
        <source>Denoising steps</source>
        <translation>去噪步数</translation>
    </message>
    <message>
        <source>Image Guidance</source>
        <translation>图像引导</translation>
    </message>
    <message>
        <source>How closely to keep to the picture</source>
        <translation>与原图保持一致的程度</translation>
    </message>
    <message>
        <source>Flow Guidance</source>
        <translation>流引导</translation>
    </message>
    <message>
        <source>How closely to follow the motion</source>
        <translation>遵循运动的程度</translation>
    </message>
    <message>
        <source>Denoising steps from pure noise to a picture</source>
        <translation>从纯噪声到图片的去噪步数</translation>
    </message>
    <message>
        <source>Inversion Strength</source>
        <translation>反演强度</translation>
    </message>
    <message>
        <source>How far the picture is turned back to noise before it is dragged</source>
        <translation>拖动之前把图片还原到噪声的程度</translation>
    </message>
    <message>
        <source>Alternating</source>
        <translation>交替进行</translation>
    </message>
    <message>
        <source>Drag a little before each denoising step, not all at once</source>
        <translation>在每个去噪步之前拖动一点，而不是一次完成</translation>
    </message>
    <message>
        <source>Drag Steps</source>
        <translation>拖动步数</translation>
    </message>
    <message>
        <source>Denoising steps that are preceded by dragging</source>
        <translation>之前进行拖动的去噪步数</translation>
    </message>
    <message>
        <source>Trackings</source>
        <translation>跟踪次数</translation>
    </message>
    <message>
        <source>How often handles are tracked before a denoising step</source>
        <translation>每个去噪步之前跟踪控制点的次数</translation>
    </message>
    <message>
        <source>Updates</source>
        <translation>更新次数</translation>
    </message>
    <message>
        <source>Updates of the picture for each tracking</source>
        <translation>每次跟踪时图片的更新次数</translation>
    </message>
    <message>
        <source>Learning Rate</source>
        <translation>学习率</translation>
    </message>
    <message>
        <source>Size of an update</source>
        <translation>每次更新的幅度</translation>
    </message>
    <message>
        <source>Information Preserving</source>
        <translation>信息保持</translation>
    </message>
    <message>
        <source>Keep handles looking as in the original, not as after the last update</source>
        <translation>让控制点保持原图的样子，而不是上次更新后的样子</translation>
    </message>
    <message>
        <source>Mask Weight</source>
        <translation>蒙版权重</translation>
    </message>
    <message>
        <source>How strictly the picture stays where it may not change</source>
        <translation>不可更改区域保持不变的严格程度</translation>
    </message>
    <message>
        <source>Patch Radius</source>
        <translation>图块半径</translation>
    </message>
    <message>
        <source>Half the side of what is pulled at a handle</source>
        <translation>控制点处被拉动部分边长的一半</translation>
    </message>
    <message>
        <source>Tracking Radius</source>
        <translation>跟踪半径</translation>
    </message>
    <message>
        <source>Half the side of where a handle is looked for</source>
        <translation>查找控制点的范围边长的一半</translation>
    </message>
    <message>
        <source>Stride</source>
        <translation>步长</translation>
    </message>
    <message>
        <source>How far ahead a handle is pulled at a time</source>
        <translation>每次把控制点向前拉多远</translation>
    </message>
    <message>
        <source>Early Stop</source>
        <translation>提前结束</translation>
    </message>
    <message>
        <source>Trackings without any motion after which dragging ends</source>
        <translation>连续多少次跟踪没有移动后结束拖动</translation>
    </message>
    <message>
        <source>Feature Block</source>
        <translation>特征块</translation>
    </message>
    <message>
        <source>Which block of the network points are known by; 0 is its middle</source>
        <translation>用网络的哪个块识别点；0 为中间块</translation>
    </message>
    <message>
        <source>Lora Steps</source>
        <translation>LoRA 步数</translation>
    </message>
    <message>
        <source>Steps in which the network learns the picture; 0 for none</source>
        <translation>网络学习图片的步数；0 表示不学习</translation>
    </message>
    <message>
        <source>Lora Learning Rate</source>
        <translation>LoRA 学习率</translation>
    </message>
    <message>
        <source>Size of such a step</source>
        <translation>每一步的幅度</translation>
    </message>
    <message>
        <source>Lora Batch</source>
        <translation>LoRA 批量</translation>
    </message>
    <message>
        <source>Noised pictures in such a step</source>
        <translation>每一步使用的加噪图片数</translation>
    </message>
    <message>
        <source>Lora Rank</source>
        <translation>LoRA 秩</translation>
    </message>
    <message>
        <source>How much the network can learn of the picture</source>
        <translation>网络能学到多少图片内容</translation>
    </message>
    <message>
        <source>Updates of the picture, at most</source>
        <translation>图片更新次数上限</translation>
    </message>
    <message>
        <source>Reference Control</source>
        <translation>参考控制</translation>
    </message>
    <message>
        <source>Paint the edit with what the picture before it shows, by mutual self-attention</source>
        <translation>通过互自注意力，用编辑前图片的内容来绘制</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>步数</translation>
    </message>
    <message>
        <source>Denoising steps from noise to the picture</source>
        <translation>从噪声到图片的去噪步数</translation>
    </message>
    <message>
        <source>Guidance</source>
        <translation>引导</translation>
    </message>
    <message>
        <source>How much more than by itself it follows the prompt</source>
        <translation>遵循提示词的强度</translation>
    </message>
</context>
<context>
    <name>Split</name>
    <message>
        <source>Before</source>
        <translation>之前</translation>
    </message>
    <message>
        <source>After</source>
        <translation>之后</translation>
    </message>
    <message>
        <source>Divider between before and after</source>
        <translation>前后对比分隔线</translation>
    </message>
    <message>
        <source>Pull, or press the arrow keys, to compare; Esc ends it</source>
        <translation>拖动分隔线或按方向键进行对比；按 Esc 结束</translation>
    </message>
</context>
<context>
    <name>StartPage</name>
    <message>
        <source>&amp;Open a picture…</source>
        <translation>打开图片(&amp;O)…</translation>
    </message>
    <message>
        <source>&amp;Back to the picture (Esc)</source>
        <translation>返回图像 (Esc)(&amp;B)</translation>
    </message>
    <message>
        <source>Opened last</source>
        <translation>最近打开</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>开始</translation>
    </message>
    <message>
        <source>Samples, each with a drag to begin with</source>
        <translation>示例（附带可直接试用的拖动）</translation>
    </message>
    <message>
        <source>Pliant</source>
        <translation>Pliant</translation>
    </message>
    <message>
        <source>Press on a photo and pull: it follows.</source>
        <translation>在照片上按住并拖动，画面就会跟着动。</translation>
    </message>
    <message>
        <source>You can also drop a picture anywhere in this window.</source>
        <translation>也可以把图片拖放到窗口中的任意位置。</translation>
    </message>
    <message>
        <source>It is missing or cannot be read.</source>
        <translation>文件丢失或无法读取。</translation>
    </message>
    <message>
        <source>Stretch to see further</source>
        <translation>伸长身子望远</translation>
    </message>
    <message>
        <source>Build the tower higher</source>
        <translation>把高楼建得更高</translation>
    </message>
    <message>
        <source>A bigger dandelion</source>
        <translation>更大的蒲公英</translation>
    </message>
    <message>
        <source>Tilt the head</source>
        <translation>歪一歪头</translation>
    </message>
    <message>
        <source>A pearl twice as large</source>
        <translation>两倍大的珍珠</translation>
    </message>
    <message>
        <source>Raise the mast</source>
        <translation>升高桅杆</translation>
    </message>
    <message>
        <source>A broader smile</source>
        <translation>笑得更灿烂</translation>
    </message>
    <message>
        <source>Raise the summit</source>
        <translation>抬高山峰</translation>
    </message>
    <message>
        <source>Look up</source>
        <translation>抬头仰望</translation>
    </message>
    <message>
        <source>Take the ball out of the picture</source>
        <translation>把球从画面中移除</translation>
    </message>
    <message>
        <source>Heap it higher</source>
        <translation>堆得更高</translation>
    </message>
    <message>
        <source>A longer gondola</source>
        <translation>更长的贡多拉</translation>
    </message>
</context>
<context>
    <name>StepBar</name>
    <message>
        <source>Progress</source>
        <translation>进度</translation>
    </message>
    <message>
        <source>Finishing what there is…</source>
        <translation>正在完成目前的结果…</translation>
    </message>
    <message>
        <source>{phase} {done}/{total}</source>
        <translation>{phase} {done}/{total}</translation>
    </message>
    <message>
        <source>{phase} · {seconds} s left</source>
        <translation>{phase} · 剩余 {seconds} 秒</translation>
    </message>
    <message>
        <source>{phase} · {minutes} min left</source>
        <translation>{phase} · 剩余 {minutes} 分钟</translation>
    </message>
</context>
<context>
    <name>ThemeMenu</name>
    <message>
        <source>As the &amp;system</source>
        <translation>跟随系统(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Light</source>
        <translation>浅色(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;Dark</source>
        <translation>深色(&amp;D)</translation>
    </message>
</context>
<context>
    <name>ToolBar</name>
    <message>
        <source>Tool options</source>
        <translation>工具选项</translation>
    </message>
    <message>
        <source> px</source>
        <translation> 像素</translation>
    </message>
    <message>
        <source> %</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>How wide the brush is, in pixels of the picture ([ and ], or Shift and a pull)</source>
        <translation>画笔的宽度，以图像像素为单位（[ 和 ]，或按住 Shift 拖动）</translation>
    </message>
    <message>
        <source>Hardness</source>
        <translation>硬度</translation>
    </message>
    <message>
        <source>How much of the brush is fully covered (Shift+[ and Shift+], or Shift and a pull)</source>
        <translation>画笔中完全覆盖部分的比例（Shift+[ 和 Shift+]，或按住 Shift 拖动）</translation>
    </message>
</context>
<context>
    <name>Weights</name>
    <message>
        <source>Better weights exist: get {pack} ({licence}), for {size} × {size} pixels, from {place} into {folder} and restart the engine.</source>
        <translation>有更好的权重：请从 {place} 获取用于 {size} × {size} 像素的 {pack}（{licence}），放入 {folder} 并重新启动引擎。</translation>
    </message>
    <message>
        <source>No pack is installed that paints pictures from words; get a whole Stable Diffusion.</source>
        <translation>未安装能根据文字绘制图片的模型包；请获取完整的 Stable Diffusion。</translation>
    </message>
    <message>
        <source>No pack is installed that paints pictures from words; get {pack} ({licence}) from {place} into {folder} and restart the engine.</source>
        <translation>未安装能根据文字绘制图片的模型包；请从 {place} 获取 {pack}（{licence}），放入 {folder} 并重新启动引擎。</translation>
    </message>
</context>
<context>
    <name>Workspace</name>
    <message>
        <source>Clear the mask</source>
        <translation>清除蒙版</translation>
    </message>
    <message>
        <source>Place a handle on what moves first.</source>
        <translation>请先在要移动的主体上放置控制点。</translation>
    </message>
    <message>
        <source>Find what moves</source>
        <translation>查找主体</translation>
    </message>
</context>
<context>
    <name>_Delegate</name>
    <message>
        <source>{} %</source>
        <translation>{}%</translation>
    </message>
</context>
</TS>
